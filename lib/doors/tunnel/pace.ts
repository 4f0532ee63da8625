/** Bounds of the interval between two questions about the same thing; ms. */
export interface PaceBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** How often a tunnel asks for what its clients wait for. */
export interface WaitingPace {
  /** For waiting fetches: a twentieth of the time since the last entry, within these bounds. */
  readonly fetch: PaceBounds;
  /** The same where the tunnel looks at the journal table itself, which costs less. */
  readonly tail: PaceBounds;
  /** For waiting joins and syncs; ms. */
  readonly groupMs: number;
  /**
   * For how much of its session a member's heartbeats are answered by the tunnel after one was sent.
   * Less than two thirds: the rest is for the call, and for its repetition.
   */
  readonly quietShare: number;
}

/**
 * By profile. What an idle consumer costs and how late it sees the first record after a long silence
 * follow from `maxMs` (docs/GATEWAY.md).
 */
export const WAITING_PACES: Readonly<Record<string, WaitingPace>> = {
  latency: {
    fetch: { minMs: 10, maxMs: 1_000 },
    tail: { minMs: 10, maxMs: 1_000 },
    groupMs: 200,
    quietShare: 1 / 5,
  },
  default: {
    fetch: { minMs: 250, maxMs: 15_000 },
    tail: { minMs: 100, maxMs: 3_000 },
    groupMs: 500,
    quietShare: 1 / 2,
  },
  cost: {
    fetch: { minMs: 1_000, maxMs: 30_000 },
    tail: { minMs: 250, maxMs: 10_000 },
    groupMs: 1_000,
    quietShare: 1 / 2,
  },
};

/** The wait until it is worth asking again; ms. */
export function boundedMs(wantedMs: number, { minMs, maxMs }: PaceBounds): number {
  return Math.min(Math.max(wantedMs, minMs), maxMs);
}

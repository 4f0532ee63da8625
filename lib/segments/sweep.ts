import type { Clock } from '../core/clock.ts';
import { each } from '../kit/each.ts';
import type { UnreadableItems } from '../kit/unreadable-items.ts';
import { DUE_PK, type DueKind } from '../storage/items/due.ts';
import { type ItemStore, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import type { DueList, FoundDue } from './due-list.ts';

/** Items read together. */
const PAGE = 100;

/**
 * Items looked at together. One that is sealed or merged takes tens of MB of memory, so that this
 * is far below what would hide the latency of the stores.
 */
const AT_ONCE = 4;

/**
 * What a handler wants to look at again is due no sooner; ms. Otherwise one sweep could look at it
 * for ever.
 */
const AGAIN_AFTER_MS = 1_000;

export interface DueOutcome {
  /** When to look again; undefined: not before it is added again. */
  readonly next: StoreTime | undefined;
  /** What was done, by name; summed up over the sweep. */
  readonly counts?: Readonly<Record<string, number>>;
}

/**
 * Looks at what is due, by name, and ends by `deadline` (Clock.monotonic(), ms). Repeatable. An
 * item is not looked at twice at the same time by one sweep.
 */
export type DueHandler = (name: string, deadline: number) => Promise<DueOutcome>;

export interface SweepDueEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly due: DueList;
  readonly unreadable: UnreadableItems;
}

/** A step of a job of the upkeep. */
export interface SweptDue {
  /** Undefined: the next sweep begins with what is due first. */
  readonly cursor: string | undefined;
  /** False if the deadline came before the end. */
  readonly isComplete: boolean;
  /**
   * `looked`: handlers called; `done` and `rescheduled`: how they ended; `skipped`: items that
   * this program cannot read, or whose handler failed by a bug; they stay on the list. Then the
   * handlers' own counts.
   */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Calls the handlers of what is due by now, in order of time, a few at a time. It continues after
 * `cursor` and begins nothing after `deadline` (Clock.monotonic(), ms). Throws
 * StoreUnavailableError.
 */
export async function sweepDue(
  env: SweepDueEnvironment,
  handlers: Readonly<Record<DueKind, DueHandler>>,
  cursor: string | undefined,
  deadline: number,
): Promise<SweptDue> {
  const counts: Record<string, number> = { looked: 0, done: 0, rescheduled: 0, skipped: 0 };
  const add = (name: string, count = 1) => {
    counts[name] = (counts[name] ?? 0) + count;
  };
  for (let after = cursor; ; ) {
    if (env.clock.monotonic() >= deadline) return { cursor: after, isComplete: false, counts };
    const { found, unreadable, next } = await env.due.page(after, PAGE);
    for (const { sk, error } of unreadable) {
      env.unreadable.skip(`${DUE_PK}/${sk}`, error);
      add('skipped');
    }
    const left = new Set(found);
    await each({ atOnce: AT_ONCE }, byName(found), async (same) => {
      if (env.clock.monotonic() >= deadline) return;
      await look(env, handlers, same, deadline, add);
      for (const one of same) left.delete(one);
    });
    if (left.size > 0) {
      const first = found.findIndex((one) => left.has(one));
      return { cursor: found[first - 1]?.sk ?? after, isComplete: false, counts };
    }
    if (next === undefined) return { cursor: undefined, isComplete: true, counts };
    after = next;
  }
}

/** Looks at one thing, which may be on the list at several times, and updates the list. */
async function look(
  env: SweepDueEnvironment,
  handlers: Readonly<Record<DueKind, DueHandler>>,
  same: readonly [FoundDue, ...FoundDue[]],
  deadline: number,
  add: (name: string, count?: number) => void,
): Promise<void> {
  const { kind, name } = same[0];
  const label = `${kind} ${name}`;
  add('looked');
  try {
    const { next, counts = {} } = await handlers[kind](name, deadline);
    for (const [what, count] of Object.entries(counts)) add(what, count);
    if (next !== undefined) {
      const at = Math.max(next, env.state.now() + AGAIN_AFTER_MS);
      await env.due.add({ kind, name, at });
    }
    for (const one of same) await env.due.done(one);
    add(next === undefined ? 'done' : 'rescheduled');
    env.unreadable.readable(label);
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    env.unreadable.skip(label, error);
    add('skipped');
  }
}

/** The items of each thing, in the order of their first ones. */
function byName(found: readonly FoundDue[]): [FoundDue, ...FoundDue[]][] {
  const groups = new Map<string, [FoundDue, ...FoundDue[]]>();
  for (const one of found) {
    const key = `${one.kind}/${one.name}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [one]);
    else known.push(one);
  }
  return [...groups.values()];
}

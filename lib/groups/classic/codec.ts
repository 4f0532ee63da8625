import { MalformedBytesError } from '../../core/bytes.ts';
import { type ClassicGroup, type ClassicMember, type ClassicState, Roster } from './state.ts';

/**
 * The encoding of a classic group in its items, as JSON (docs/DATA_LAYOUT.md). The head refers to
 * members by their index in the body.
 */

interface StoredHead {
  readonly state: ClassicState;
  readonly generation: number;
  readonly protocolType?: string | undefined;
  readonly protocolName?: string | undefined;
  readonly leader?: string | undefined;
  readonly since: number;
  /** One bit per member, in base64; the same for `pendingSync`. */
  readonly joined?: string | undefined;
  readonly pendingSync?: string | undefined;
  readonly pendingJoin?: readonly (readonly [memberId: string, voidAt: number])[] | undefined;
  readonly joinDeadline?: number | undefined;
  readonly syncDeadline?: number | undefined;
  readonly initial?: ClassicGroup['initial'];
  readonly replacedAt?: number | undefined;
}

interface StoredMember {
  readonly id: string;
  readonly instanceId?: string | undefined;
  readonly clientId: string;
  readonly host: string;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly seenAt: number;
  readonly protocols: readonly (readonly [name: string, metadata: string])[];
  readonly assignment?: string | undefined;
}

const STATES: readonly string[] = [
  'Empty',
  'PreparingRebalance',
  'CompletingRebalance',
  'Stable',
] satisfies ClassicState[];

export function encodeClassicHead(group: ClassicGroup): unknown {
  const ids = [...group.roster.members.keys()];
  const head: StoredHead = {
    state: group.state,
    generation: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leader,
    since: group.stateSince,
    joined: bitsOf(ids, group.joined),
    pendingSync: bitsOf(ids, group.pendingSync),
    pendingJoin: group.pendingJoin.size === 0 ? undefined : [...group.pendingJoin],
    joinDeadline: group.joinDeadline,
    syncDeadline: group.syncDeadline,
    initial: group.initial,
    replacedAt: group.replacedAt,
  };
  return head;
}

export function encodeClassicBody({ roster }: ClassicGroup): unknown {
  return [...roster.members.values()].map((member): StoredMember => {
    const assignment = roster.assignments.get(member.memberId);
    return {
      id: member.memberId,
      instanceId: member.instanceId ?? undefined,
      clientId: member.clientId,
      host: member.clientHost,
      sessionMs: member.sessionTimeoutMs,
      rebalanceMs: member.rebalanceTimeoutMs,
      seenAt: member.seenAt,
      protocols: member.protocols.map(({ name, metadata }) => [name, metadata.toString('base64')]),
      assignment: assignment?.toString('base64'),
    };
  });
}

/**
 * Throws MalformedBytesError for input that encodeClassicHead and encodeClassicBody do not write.
 */
export function decodeClassic(headJson: unknown, bodyJson: unknown): ClassicGroup {
  const head = headJson as StoredHead | null;
  if (!STATES.includes(String(head?.state)) || !Number.isSafeInteger(head?.generation) || !Array.isArray(bodyJson)) {
    throw new MalformedBytesError('the items of a classic group lack what every such group has');
  }
  const { state, generation, protocolType, protocolName, leader, since, joinDeadline, syncDeadline, initial } = head!;
  const roster = decodeRoster(bodyJson as readonly StoredMember[]);
  const ids = [...roster.members.keys()];
  return {
    type: 'classic',
    state,
    generation,
    protocolType,
    protocolName,
    leader,
    stateSince: since,
    roster,
    joined: setOf(ids, head!.joined),
    pendingSync: setOf(ids, head!.pendingSync),
    pendingJoin: new Map(head!.pendingJoin ?? []),
    joinDeadline,
    syncDeadline,
    initial,
    ...(head!.replacedAt === undefined ? {} : { replacedAt: head!.replacedAt }),
  };
}

function decodeRoster(stored: readonly StoredMember[]): Roster {
  const members = new Map<string, ClassicMember>();
  const assignments = new Map<string, Buffer>();
  for (const one of stored) {
    if (typeof one?.id !== 'string' || !Array.isArray(one.protocols) || !Number.isFinite(one.sessionMs)) {
      throw new MalformedBytesError('a member of a classic group lacks what every member has');
    }
    members.set(one.id, {
      memberId: one.id,
      instanceId: one.instanceId ?? null,
      clientId: one.clientId,
      clientHost: one.host,
      sessionTimeoutMs: one.sessionMs,
      rebalanceTimeoutMs: one.rebalanceMs,
      protocols: one.protocols.map(([name, metadata]) => ({ name, metadata: Buffer.from(metadata, 'base64') })),
      seenAt: one.seenAt,
    });
    if (one.assignment !== undefined) assignments.set(one.id, Buffer.from(one.assignment, 'base64'));
  }
  return new Roster(members, assignments);
}

/** Undefined for an empty set, so that the head of a stable group omits the field. */
function bitsOf(ids: readonly string[], chosen: ReadonlySet<string>): string | undefined {
  if (chosen.size === 0) return undefined;
  const bits = Buffer.alloc(Math.ceil(ids.length / 8));
  for (const [index, id] of ids.entries()) {
    if (chosen.has(id)) bits[index >> 3]! |= 1 << (index & 7);
  }
  return bits.toString('base64');
}

function setOf(ids: readonly string[], text: string | undefined): ReadonlySet<string> {
  if (text === undefined) return new Set();
  const bits = Buffer.from(text, 'base64');
  return new Set(ids.filter((_, index) => ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0));
}

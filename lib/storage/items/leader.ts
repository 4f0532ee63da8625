import { MalformedBytesError } from '../../core/bytes.ts';
import type { JournalId } from './journal-entry.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/**
 * The newest leader change of a journal: a cache of that entry, written after it (rule R10). The
 * item's version is the epoch. Sort keys are journal ids, so that those of one topic are adjacent.
 */
export interface LeaderRecord {
  readonly journal: JournalId;
  readonly leaderEpoch: number;
  readonly leader: number;
}

export const LEADERS_PK = 'leaders';

const FORMAT = 1;

/** Bounds of the sort keys of a topic's journals, for a query. */
export function leadersOfTopic(topicId: string): { readonly from: string; readonly to: string } {
  return { from: `${topicId}/`, to: `${topicId}0` };
}

export function encodeLeader(leader: LeaderRecord): Buffer {
  return encodeJsonBody(FORMAT, leader);
}

/** Throws MalformedBytesError. */
export function decodeLeader(body: Buffer): LeaderRecord {
  const leader = decodeJsonBody(FORMAT, body) as LeaderRecord | null;
  const whole =
    typeof leader?.journal === 'string' &&
    Number.isSafeInteger(leader.leaderEpoch) &&
    Number.isSafeInteger(leader.leader);
  if (!whole) throw new MalformedBytesError('the leader item of a journal lacks what every one has');
  return leader;
}

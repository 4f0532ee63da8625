import type { Assignor } from './assignor.ts';
import { range } from './range.ts';
import { uniform } from './uniform.ts';

/** The assignors, by the names in group.consumer.assignors and in requests. */
export const ASSIGNORS: ReadonlyMap<string, Assignor> = new Map([
  ['uniform', uniform],
  ['range', range],
]);

/**
 * The assignor of a group: the one with the most votes, or the first of `configured` without votes
 * (Kafka's ConsumerGroup.preferredServerAssignor). In a tie, the one configured first wins.
 * `wishes`: one entry per member, undefined for a member without a preference.
 */
export function chooseAssignor(wishes: Iterable<string | undefined>, configured: readonly string[]): string {
  const votes = new Map<string, number>();
  for (const wish of wishes) if (wish !== undefined) votes.set(wish, (votes.get(wish) ?? 0) + 1);
  let chosen = configured[0]!;
  for (const name of configured) if ((votes.get(name) ?? 0) > (votes.get(chosen) ?? 0)) chosen = name;
  return chosen;
}

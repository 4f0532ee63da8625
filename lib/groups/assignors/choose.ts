import type { Assignor } from './assignor.ts';
import { range } from './range.ts';
import { uniform } from './uniform.ts';

/** The assignors there are, by the names that group.consumer.assignors and clients use. */
export const ASSIGNORS: ReadonlyMap<string, Assignor> = new Map([
  ['uniform', uniform],
  ['range', range],
]);

/**
 * The assignor of a group: the one that most members ask for, else the first of `configured` (Kafka's
 * ConsumerGroup.preferredServerAssignor). Of two with as many votes the one that is configured first. `wishes` has an
 * entry per member, undefined where it asked for none.
 */
export function chooseAssignor(wishes: Iterable<string | undefined>, configured: readonly string[]): string {
  const votes = new Map<string, number>();
  for (const wish of wishes) if (wish !== undefined) votes.set(wish, (votes.get(wish) ?? 0) + 1);
  let chosen = configured[0]!;
  for (const name of configured) if ((votes.get(name) ?? 0) > (votes.get(chosen) ?? 0)) chosen = name;
  return chosen;
}

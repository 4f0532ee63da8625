import { ApiKey } from '../../wire/apis.ts';
import { brokerRefusal } from '../failure.ts';
import type { KafkaClient } from './kafka-client.ts';

/**
 * Adds partitions to topics. Throws CommandError for the first topic that is refused; others may
 * have been changed.
 *
 * @param counts topic -> the new total number of partitions
 * @param what the beginning of the error message for a topic
 */
export async function raisePartitions(
  client: KafkaClient,
  counts: ReadonlyMap<string, number>,
  timeoutMs: number,
  what: (name: string) => string,
): Promise<void> {
  const { results } = await client.ask(ApiKey.CreatePartitions, {
    topics: [...counts].map(([name, count]) => ({ name, count, assignments: null })),
    timeoutMs,
    validateOnly: false,
  });
  const refused = results.find(({ errorCode }) => errorCode !== 0);
  if (refused !== undefined) throw brokerRefusal(what(refused.name), refused.errorCode, refused.errorMessage);
}

import type { Kafka } from 'kafkajs';

/** What the members of a group got, in the order in which each got it. */
export interface GroupReading {
  readonly values: readonly string[];
  /** The partitions that each member had records of, sorted. */
  readonly partitionsByMember: readonly (readonly number[])[];
}

const SOON_MS = 200;

/**
 * Reads a topic from its beginning with a group of kafkajs consumers until it has `count` records, then leaves the group.
 *
 * @param members a client for each member; the same one may stand there twice
 */
export async function readByGroup(
  members: readonly Kafka[],
  { topic, groupId, count }: { topic: string; groupId: string; count: number },
): Promise<GroupReading> {
  const values: string[] = [];
  const partitions = members.map(() => new Set<number>());
  const consumers = members.map((kafka) =>
    kafka.consumer({ groupId, heartbeatInterval: SOON_MS, maxWaitTimeInMs: SOON_MS }),
  );
  try {
    for (const consumer of consumers) {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
    }
    await new Promise<void>((resolve, reject) => {
      for (const [index, consumer] of consumers.entries()) {
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
        const eachMessage = async ({
          partition,
          message,
        }: {
          partition: number;
          message: { value: Buffer | null };
        }) => {
          partitions[index]!.add(partition);
          values.push(String(message.value));
          if (values.length === count) resolve();
        };
        consumer.run({ eachMessage }).catch(reject);
      }
    });
  } finally {
    await Promise.all(consumers.map((consumer) => consumer.disconnect()));
  }
  return { values, partitionsByMember: partitions.map((set) => [...set].sort((a, b) => a - b)) };
}

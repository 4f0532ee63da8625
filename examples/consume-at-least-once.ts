/**
 * At least once: the offset is committed after a record was worked on. After a crash the record in hand is worked on again;
 * none is ever skipped.
 *
 *   npx tsx examples/consume-at-least-once.ts localhost:9092 orders at-least-once
 */
import { Consumer, stringDeserializers } from '@platformatic/kafka';

const [bootstrap = 'localhost:9092', topic = 'orders', group = 'at-least-once'] = process.argv.slice(2);

const consumer = new Consumer({
  clientId: group,
  groupId: group,
  // With a name of its own, a consumer that is restarted takes its old place at once.
  groupInstanceId: `${group}-1`,
  bootstrapBrokers: [bootstrap],
  deserializers: stringDeserializers,
  autocommit: false,
});
const records = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' });

for await (const record of records) {
  work(record.value);
  await record.commit();
}

/** What the program is there for; here it prints. */
function work(value: string): void {
  process.stdout.write(`${value}\n`);
}

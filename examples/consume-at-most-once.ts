/**
 * At most once: the offset is committed before a record is worked on. After a crash the record in hand is skipped; none is
 * ever worked on twice.
 *
 *   npx tsx examples/consume-at-most-once.ts localhost:9092 orders at-most-once
 */
import { Consumer, stringDeserializers } from '@platformatic/kafka';

const [bootstrap = 'localhost:9092', topic = 'orders', group = 'at-most-once'] = process.argv.slice(2);

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
  await record.commit();
  work(record.value);
}

/** What the program is there for; here it prints. */
function work(value: string): void {
  process.stdout.write(`${value}\n`);
}

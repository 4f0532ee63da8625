import { Kafka, logLevel } from 'kafkajs';

/**
 * A consumer of a group in a process of its own, so that it can be killed: `node --import tsx kafkajs-member.ts BOOTSTRAP TOPIC
 * GROUP`. Writes a line of JSON for each assignment and record; leaves in order on SIGTERM.
 */
const [bootstrap, topic, groupId] = process.argv.slice(2) as [string, string, string];

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const kafka = new Kafka({ clientId: 'member', brokers: [bootstrap], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({
  groupId,
  sessionTimeout: 6_000,
  heartbeatInterval: 500,
  rebalanceTimeout: 20_000,
  maxWaitTimeInMs: 200,
});
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  say({ event: 'assigned', memberId: payload.memberId, partitions: payload.memberAssignment[topic] ?? [] });
});
consumer.on(consumer.events.CRASH, ({ payload }) => say({ event: 'crash', message: String(payload.error) }));

await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  autoCommitInterval: 500,
  eachMessage: async ({ partition, message }) => {
    say({ event: 'record', partition, offset: Number(message.offset), value: String(message.value) });
  },
});
process.on('SIGTERM', () => {
  void consumer.disconnect().then(() => process.exit(0));
});

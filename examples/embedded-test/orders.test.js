import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startTidelog } from 'tidelog';
import { Orders } from './orders.js';

let tidelog;
let kafka;

before(async () => {
  tidelog = await startTidelog({ settings: { 'num.partitions': '3' } });
  kafka = new Kafka({ brokers: tidelog.bootstrapServers.split(','), logLevel: logLevel.ERROR });
});

after(() => tidelog.close());

test('the orders of a customer come in the order in which they were placed', async () => {
  const orders = new Orders(kafka);
  await orders.open();
  await orders.place({ customer: 'ada', item: 'tea' });
  await orders.place({ customer: 'ada', item: 'cake' });
  await orders.close();

  const received = await receive('orders', 2);
  assert.deepEqual(
    received.map(({ customer, item }) => [customer, item]),
    [
      ['ada', 'tea'],
      ['ada', 'cake'],
    ],
  );
});

/** Reads a topic from its beginning until so many messages have come; their values. */
async function receive(topic, count) {
  const consumer = kafka.consumer({ groupId: 'test' });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const values = [];
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    const eachMessage = async ({ message }) => {
      values.push(JSON.parse(message.value));
      if (values.length === count) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return values;
}

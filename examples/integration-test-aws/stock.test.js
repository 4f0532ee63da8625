import { Kafka, logLevel } from 'kafkajs';
import { afterAll, expect, inject, test, vi } from 'vitest';
import { Stock } from './stock.js';

const kafka = new Kafka({ brokers: [inject('bootstrapServers')], logLevel: logLevel.ERROR });
const producer = kafka.producer();
const stock = new Stock(kafka);

afterAll(async () => {
  await stock.close();
  await producer.disconnect();
});

test('the stock follows deliveries and sales', async () => {
  await producer.connect();
  await producer.send({
    topic: 'stock-changes',
    messages: [
      { key: 'tea', value: '10' },
      { key: 'cake', value: '4' },
      { key: 'tea', value: '-3' },
    ],
  });
  await stock.follow('stock-changes');
  await vi.waitFor(() => expect([stock.left('tea'), stock.left('cake')]).toEqual([7, 4]), { timeout: 20_000 });
});

import { Consumer, stringDeserializers } from '@platformatic/kafka';
import { READER_SESSION_MS, type ReaderMessage } from './reader-message.ts';

const COMMIT_EVERY_MS = 500;

/** Reads a topic as the one member of a group and tells its parent of each record. Ends when its stream does. */
async function main([name = '', topic = '', ...brokers]: readonly string[]): Promise<void> {
  const tell = (message: ReaderMessage) => process.send?.(message);
  const consumer = new Consumer({
    clientId: name,
    groupId: `of-${name}`,
    bootstrapBrokers: [...brokers],
    deserializers: { key: stringDeserializers.key },
    retries: 20,
    retryDelay: 200,
    connectTimeout: 2_000,
    requestTimeout: 6_000,
    metadataMaxAge: 2_000,
    sessionTimeout: READER_SESSION_MS,
    heartbeatInterval: 1_000,
    maxWaitTime: 300,
    autocommit: false,
  });
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' });
  tell('reading');
  stream.on('error', () => process.exit(1));
  stream.on('close', () => process.exit(1));
  // Committed is what its parent surely gets: a process that ends takes along what it has not written to the pipe yet.
  const told = new Map<number, { commit(): void | Promise<void> }>();
  stream.on('data', (message) => {
    const { partition, offset, value } = message;
    const record = { partition, offset: Number(offset), value: (value as Buffer).toString('base64') };
    process.send?.(record satisfies ReaderMessage, () => told.set(partition, message));
  });
  setInterval(() => {
    for (const message of told.values()) Promise.resolve(message.commit()).catch(() => {});
    told.clear();
  }, COMMIT_EVERY_MS);
}

process.on('disconnect', () => process.exit(0));
await main(process.argv.slice(2)).catch(() => process.exit(1));

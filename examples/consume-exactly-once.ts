/**
 * Exactly once, with results that are stored outside: the offset is stored with the results, in one step that happens as a
 * whole or not at all. Nothing is committed to the group; after a crash the program goes on where its results are. Here the
 * results are sums in a file that is replaced by a rename; with a database it is one transaction.
 *
 *   npx tsx examples/consume-exactly-once.ts localhost:9092 orders sums.json
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { Admin, Consumer, stringDeserializers } from '@platformatic/kafka';

const [bootstrap = 'localhost:9092', topic = 'orders', path = 'sums.json'] = process.argv.slice(2);

interface Results {
  /** What comes next, by partition. */
  readonly offsets: Record<string, number>;
  count: number;
  sum: number;
}

const results = load();

const admin = new Admin({ clientId: 'exactly-once', bootstrapBrokers: [bootstrap] });
const { topics } = await admin.metadata({ topics: [topic] });
await admin.close();
const partitions = topics.get(topic)?.partitions.length ?? 0;

const consumer = new Consumer({
  clientId: 'exactly-once',
  groupId: `exactly-once-${process.pid}`,
  bootstrapBrokers: [bootstrap],
  deserializers: stringDeserializers,
  autocommit: false,
});
const records = await consumer.consume({
  topics: [topic],
  mode: 'manual',
  offsets: Array.from({ length: partitions }, (_, partition) => ({
    topic,
    partition,
    offset: BigInt(results.offsets[partition] ?? 0),
  })),
});

for await (const record of records) {
  // What was read ahead before a rebalance may come again.
  if (Number(record.offset) < (results.offsets[record.partition] ?? 0)) continue;
  results.count += 1;
  results.sum += Number(record.value);
  results.offsets[record.partition] = Number(record.offset) + 1;
  store(results);
}

function load(): Results {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { offsets: {}, count: 0, sum: 0 };
  }
}

/** Offsets and results together: a rename replaces the file as a whole. */
function store(next: Results): void {
  const file = openSync(`${path}.new`, 'w');
  writeSync(file, JSON.stringify(next));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}

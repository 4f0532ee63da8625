import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { awsLatency } from '../../simulation/latencies.ts';
import { startEngine } from '../../support/engine.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { batchOf, createTopic, produce, type TopicName } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { settledOn } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { quantile } from '../statistics.ts';

// What a transaction costs in calls to the stores and, with latencies as AWS's stores have them, in time.
// Time is virtual: the program's own computing counts nothing. Run it with: npm run bench:transactions

const TRANSACTIONS = 500;

interface Case {
  readonly partitions: number;
  readonly journals: number;
  readonly protocol: 1 | 2;
  /** Whether offsets of a group, 16 partitions of a topic, are committed in it. */
  readonly hasOffsets: boolean;
}

const CASES: readonly Case[] = [
  { partitions: 1, journals: 1, protocol: 2, hasOffsets: false },
  { partitions: 12, journals: 1, protocol: 2, hasOffsets: false },
  { partitions: 12, journals: 12, protocol: 2, hasOffsets: false },
  { partitions: 12, journals: 12, protocol: 1, hasOffsets: false },
  { partitions: 12, journals: 12, protocol: 2, hasOffsets: true },
];

const GROUP = 'group';
const OFFSETS = Object.fromEntries(Array.from({ length: 12 }, (_, partition) => [partition, 1]));

interface Figures {
  /** Of one transaction. */
  readonly calls: Readonly<Record<string, number>>;
  /** From its first batches to the answer of EndTxn, ascending; ms. */
  readonly total: readonly number[];
  /** The answer of EndTxn alone, ascending; ms. */
  readonly end: readonly number[];
}

async function run(of: Case): Promise<Figures> {
  const clock = new VirtualClock();
  const stores = memoryStores({ clock, random: seededRandom(1), latency: awsLatency });
  const settled = <T>(promise: Promise<T>) => settledOn(clock, promise);
  const engine = await settled(startEngine({ stores, clock }));
  const configs = { 'tidelog.journals': `${of.journals}` };
  const topic = await settled(createTopic(engine.client, 'written', { partitions: of.partitions, configs }));
  const read = await settled(createTopic(engine.client, 'read', { partitions: 12 }));
  for (let partition = 0; partition < of.partitions; partition++) {
    await settled(produce(engine.client, topic, batchOf(['warm'], { timestamp: clock.now() }), { partition }));
  }
  const transactor = new RawTransactor(engine.client, 't', { protocol: of.protocol, timestamp: clock.now() });
  await settled(transactor.init());
  await settled(transaction(transactor, topic, read, of));
  engine.meter.reset();
  const total: number[] = [];
  const end: number[] = [];
  for (let count = 0; count < TRANSACTIONS; count++) {
    const begun = clock.monotonic();
    const ending = await settled(transaction(transactor, topic, read, of, () => clock.monotonic()));
    total.push(clock.monotonic() - begun);
    end.push(clock.monotonic() - ending);
  }
  const counts = Object.entries(engine.meter.counts()).filter(([, calls]) => calls > 0);
  await settled(engine.close());
  return {
    calls: Object.fromEntries(counts.map(([kind, calls]) => [kind, calls / TRANSACTIONS])),
    total: total.sort((a, b) => a - b),
    end: end.sort((a, b) => a - b),
  };
}

/** One batch to each partition at the same time, then EndTxn. Returns when EndTxn was sent. */
async function transaction(
  transactor: RawTransactor,
  topic: TopicName,
  read: TopicName,
  { partitions, protocol, hasOffsets }: Case,
  now = () => 0,
): Promise<number> {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  if (protocol === 1) mustBeZero(await transactor.add(topic, all));
  const sent = await Promise.all(all.map((partition) => transactor.send(topic, ['x'], partition)));
  mustBeZero(sent.map(({ errorCode }) => errorCode));
  if (hasOffsets) mustBeZero(await transactor.commitOffsets(GROUP, read, OFFSETS));
  const ending = now();
  mustBeZero([await transactor.commit()]);
  return ending;
}

function mustBeZero(codes: readonly number[]): void {
  if (codes.some((code) => code !== 0)) throw new Error(`answered with the error codes ${codes.join(', ')}`);
}

const ms = (value: number) => value.toFixed(0);

console.log('| partitions | journals | version | offsets of a group | ms, p50 / p99 | EndTxn, ms, p50 / p99 | calls |');
console.log('|--:|--:|--:|---|--:|--:|---|');
for (const of of CASES) {
  const { calls, total, end } = await run(of);
  const listed = Object.entries(calls).map(([kind, count]) => `${Number(count.toFixed(2))} ${kind}`);
  const times = [total, end].map((sorted) => `${ms(quantile(sorted, 0.5))} / ${ms(quantile(sorted, 0.99))}`);
  console.log(
    `| ${of.partitions} | ${of.journals} | ${of.protocol} | ${of.hasOffsets ? 'yes' : 'no'} | ${times.join(' | ')} | ${listed.join(', ')} |`,
  );
}

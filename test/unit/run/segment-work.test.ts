import { beforeEach, describe, expect, it } from 'vitest';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { SegmentWork } from '../../../lib/run/segment-work.ts';
import { decodeItem } from '../../../lib/segments/segment-items.ts';
import { journalId } from '../../../lib/storage/items/journal-entry.ts';
import { writeMarkers } from '../../../lib/transactions/write-markers.ts';
import { FOREVER, HOUR, MINUTE, T0 } from '../journal/world.ts';
import { seal, sealerOf, write } from '../segments/compact-world.ts';
import { append, dueList, realBatch, type Sealer } from '../segments/seal-world.ts';
import { type AdminProcess, type AdminWorld, createAdminWorld } from '../topics/world.ts';

const MIB = 1024 * 1024;

/** Their rewriting takes several looks. */
const SEGMENTS = 16;

const SETTINGS = { sealBytes: 64 * MIB, mergeBytes: 64 * MIB, entriesGraceMs: 2 * HOUR };

let world: AdminWorld;
let process: AdminProcess;
let work: SegmentWork;
let id: string;
let sealer: Sealer;

/** A topic on one journal. */
async function create(configs: Readonly<Record<string, string>>, partitions = 1): Promise<void> {
  const entries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  const topic = await world.created(process, 'latest', { partitions, configs: entries });
  id = journalId(topic.record.id, 0);
  sealer = await sealerOf({ ...process, open: () => process.open(id) });
}

/** A look at the journal by a sweep that has so much time; its counts. */
async function look(ms: number): Promise<Readonly<Record<string, number>>> {
  await world.run(work.due.add({ kind: 'journal', name: id, at: world.clock.now() }));
  const deadline = world.clock.monotonic() + ms;
  const { counts } = await world.run(work.sweep(new UnreadableItems({ log: () => {} }), undefined, deadline));
  expect(counts).toMatchObject({ looked: 1, skipped: 0 });
  return counts;
}

const isClean = () => {
  const pk = `segments/${id.split('/')[0]}/0`;
  return world.stores
    .contents()
    .state.filter((item) => item.pk === pk)
    .map(decodeItem)
    .filter(({ state }) => state === 'live')
    .map(({ cleanedAt }) => cleanedAt !== undefined);
};

beforeEach(async () => {
  world = await createAdminWorld();
  process = world.admin();
  work = new SegmentWork(process.admin, SETTINGS);
});

describe('a look at a journal that is due', () => {
  it('confirms the view once', async () => {
    await create({ 'cleanup.policy': 'compact,delete', 'min.cleanable.dirty.ratio': '1' }, 3);
    for (let count = 0; count < 3; count++) {
      await append(world, sealer, ...[0, 1, 2].map((partition) => realBatch(['v'], { partition })));
      await seal(world, sealer);
    }
    process.calls.length = 0;
    await look(MINUTE);
    expect(process.count('journal.query')).toBe(1);
  });

  it('ends open transactions, and comes again when the next of them times out', async () => {
    await create({});
    const open = await process.open(id);
    const transact = async (producerId: number) => {
      const of = { producerId, producerEpoch: 0, baseSequence: 0, transactional: true };
      const sent = { ...realBatch(['v']), ...of, joinTransaction: async () => undefined };
      expect(await world.run(open.writer.append(sent, FOREVER))).toMatchObject({ kind: 'appended' });
    };
    const end = { producerEpoch: 1, commit: false, protocol: 2, deadline: FOREVER } as const;
    const timesOutAt = T0 + 10 * MINUTE;
    const meetProducer = async (producerId: number) => {
      if (producerId === 2 && world.clock.now() <= timesOutAt) return timesOutAt;
      await writeMarkers(process.journals, { journal: id, partitions: [0], producerId, ...end });
      return undefined;
    };
    work = new SegmentWork(process.admin, SETTINGS, { meetProducer });
    await transact(1);
    await transact(2);
    expect(await look(MINUTE)).toMatchObject({ transactionsEnded: 1 });
    expect([...open.journal.view.partitions.get(0)!.openTransactions.keys()]).toEqual([2]);
    expect(dueList(world)).toContainEqual(`${String(timesOutAt + 1).padStart(15, '0')}/journal/${id}`);
    await world.clock.advance(timesOutAt + 1 - world.clock.now());
    const { counts } = await world.run(work.sweep(new UnreadableItems({ log: () => {} }), undefined, FOREVER));
    expect(counts).toMatchObject({ looked: 1, transactionsEnded: 1 });
  });

  it('leaves open transactions to others if it is made without a coordinator', async () => {
    await create({});
    const open = await process.open(id);
    const of = { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true };
    await world.run(
      open.writer.append({ ...realBatch(['v']), ...of, joinTransaction: async () => undefined }, FOREVER),
    );
    expect(await look(MINUTE)).toMatchObject({ transactionsEnded: 0 });
    expect(open.journal.view.partitions.get(0)!.openTransactions.size).toBe(1);
  });

  it('goes on with a compaction that its deadline has ended', async () => {
    await create({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0', 'segment.bytes': `${MIB}` });
    for (let count = 0; count < SEGMENTS; count++) {
      await write(world, sealer, `k${count}=${'v'.repeat(0.7 * MIB)}`);
      await seal(world, sealer);
    }
    process.faults = ({ store, operation }) =>
      store === 'blobs' && (operation === 'getRange' || operation === 'put') ? { delayBeforeMs: 100 } : undefined;
    let looks = 0;
    while (isClean().filter(Boolean).length < SEGMENTS - 1 && looks < 60) {
      await look(1_000);
      looks++;
    }
    // The newest one is still read from its entries.
    expect(isClean()).toEqual([...Array.from({ length: SEGMENTS - 1 }, () => true), false]);
  });

  it('comes again when a lag of compaction ends, although nothing is written until then', async () => {
    const lag = { 'max.compaction.lag.ms': `${4 * HOUR}`, 'min.cleanable.dirty.ratio': '1' };
    await create({ 'cleanup.policy': 'compact', ...lag });
    await write(world, sealer, 'a=1');
    await seal(world, sealer);
    await write(world, sealer, 'a=2');
    await seal(world, sealer);
    await world.clock.advance(3 * HOUR);
    // This also seals the journal, which is quiet.
    expect(await look(MINUTE)).toMatchObject({ quiet: 1, compacted: 0 });
    const at = T0 + 4 * HOUR + 1;
    expect(dueList(world)).toContainEqual(`${String(at).padStart(15, '0')}/journal/${id}`);
    await world.clock.advance(HOUR + 1);
    expect(await look(MINUTE)).toMatchObject({ compacted: 1 });
  });
});

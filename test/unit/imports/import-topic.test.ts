import { describe, expect, it } from 'vitest';
import type { ImportedTopic, ImportOutcome } from '../../../lib/imports/import-topic.ts';
import { lastStableOffset } from '../../../lib/journal/view.ts';
import { splitBatches } from '../../../lib/records/batch.ts';
import { readControlBatch } from '../../../lib/records/control.ts';
import { journalId } from '../../../lib/storage/items/journal-entry.ts';
import { LEADERS_PK } from '../../../lib/storage/items/leader.ts';
import { IMPORTS_PK } from '../../../lib/storage/items/topic-import.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { ProducerIds } from '../../../lib/transactions/producer-ids.ts';
import { createWorld, T0, type World } from '../journal/world.ts';
import type { Step } from '../segments/format/contents.ts';
import { folderOf, importing, logOf, NAME, STEPS, sourcesOf, storedLog, topicIn } from './world.ts';

function importedOf(outcome: ImportOutcome): ImportedTopic {
  if (outcome.kind !== 'imported') throw new Error(JSON.stringify(outcome));
  return outcome;
}

const viewOf = async (world: World, id: string, partition = 0) => {
  const open = await world.run(world.process().open(journalId(id, 0)));
  return { journal: open.journal.view, partition: open.journal.view.partitions.get(partition)! };
};

const importItems = (world: World) => world.stores.contents().state.filter(({ pk }) => pk === IMPORTS_PK);

describe('an import', () => {
  it('makes a topic with the bytes of the files, over several objects and journals', async () => {
    const world = await createWorld();
    const folders = [await folderOf(STEPS), await folderOf(STEPS.slice(0, 2)), await folderOf([])];
    const outcome = importedOf(
      await world.run(
        importing(world.process(), sourcesOf(folders), { configs: { 'tidelog.journals': '2', 'retention.ms': '-1' } }),
      ),
    );
    expect(outcome).toMatchObject({ records: 13, isResumed: false, cutOff: [], abortedTransactions: 1 });
    const { topic } = outcome;
    expect(topicIn(world)).toEqual(topic);
    expect(topic).toMatchObject({ name: NAME, partitions: 3, journals: 2, configs: { 'retention.ms': '-1' } });
    expect((await storedLog(world, topic, 0)).equals(logOf(folders[0]!))).toBe(true);
    const second = await storedLog(world, topic, 1);
    expect(second.subarray(0, logOf(folders[1]!).length).equals(logOf(folders[1]!))).toBe(true);
    expect((await storedLog(world, topic, 2)).length).toBe(0);
    const sets = world.entries(journalId(topic.id, 0)).filter((entry) => entry.kind === 'import');
    expect(sets.filter(({ parts }) => parts.length > 0).length).toBeGreaterThan(2);
    expect(sets.at(-1)!.parts).toEqual([]);
    expect(importItems(world)).toEqual([]);
  });

  it('that ended before its item was deleted leaves the topic alone, whatever is imported next', async () => {
    const world = await createWorld();
    const [folder, other] = [await folderOf(STEPS), await folderOf(STEPS.slice(0, 2))];
    for (const [name, files] of [
      ['same', folder],
      ['other', other],
    ] as const) {
      const process = world.process();
      process.faults = ({ store, operation, key }) =>
        store === 'state' && operation === 'delete' && key === IMPORTS_PK ? { refuse: 'throttled' } : undefined;
      const cut = importing(process, sourcesOf([folder]), { topic: name });
      await expect(world.run(cut)).rejects.toThrow(StoreUnavailableError);
      expect(importItems(world).map(({ sk }) => sk)).toEqual([name]);
      const again = await world.run(importing(world.process(), sourcesOf([files]), { topic: name }));
      expect(again).toMatchObject(
        name === 'same' ? { kind: 'imported', isResumed: true } : { kind: 'rejected', error: 'TOPIC_ALREADY_EXISTS' },
      );
      const topic = topicIn(world, name)!;
      expect((await viewOf(world, topic.id)).journal.closed).toBe(false);
      expect((await storedLog(world, topic, 0)).equals(logOf(folder))).toBe(true);
      expect(importItems(world)).toEqual([]);
    }
  });

  it('keeps leader epochs, and goes on with a new one that the leader item tells', async () => {
    const world = await createWorld();
    const epochs = [
      { epoch: 0, startOffset: 0 },
      { epoch: 2, startOffset: 10 },
    ];
    // Kafka begins an epoch at the end of the log when it starts.
    for (const stored of [undefined, [...epochs, { epoch: 5, startOffset: 15 }]]) {
      const folder = await folderOf(STEPS, stored && { epochs: stored });
      const name = stored === undefined ? 'found' : 'stored';
      const { topic } = importedOf(await world.run(importing(world.process(), sourcesOf([folder]), { topic: name })));
      const { journal, partition } = await viewOf(world, topic.id);
      expect(partition.epochs).toEqual(epochs);
      const next = stored === undefined ? 3 : 6;
      expect(journal.leaderEpoch).toBe(next);
      const leaders = world.stores
        .contents()
        .state.filter(({ pk, sk }) => pk === LEADERS_PK && sk.startsWith(topic.id));
      expect(leaders.map(({ version }) => version)).toEqual([next]);
    }
  });

  it('begins at a log start within a batch, and at one behind a gap', async () => {
    const world = await createWorld();
    const folder = await folderOf(STEPS, { baseOffset: 1_000 });
    const starts = async (name: string, logStart: number | undefined) => {
      const { topic } = importedOf(
        await world.run(importing(world.process(), sourcesOf([folder], logStart), { topic: name })),
      );
      const { logStartOffset, segmentsFrom, nextOffset } = (await viewOf(world, topic.id)).partition;
      const [first] = splitBatches(await storedLog(world, topic, 0));
      return { logStartOffset, segmentsFrom, nextOffset, first: first?.header.baseOffset };
    };
    const nextOffset = 1_015;
    expect(await starts('whole', undefined)).toEqual({
      logStartOffset: 1_000,
      segmentsFrom: 1_000,
      nextOffset,
      first: 1_000,
    });
    expect(await starts('within', 1_001)).toEqual({
      logStartOffset: 1_001,
      segmentsFrom: 1_000,
      nextOffset,
      first: 1_000,
    });
    expect(await starts('gap', 1_006)).toEqual({
      logStartOffset: 1_006,
      segmentsFrom: 1_006,
      nextOffset,
      first: 1_009,
    });
    expect(await starts('end', 1_015)).toEqual({
      logStartOffset: 1_015,
      segmentsFrom: 1_015,
      nextOffset,
      first: undefined,
    });
  });

  it('aborts the transactions that the files do not end, behind them', async () => {
    const world = await createWorld();
    const folder = await folderOf(STEPS.slice(0, 4));
    const outcome = importedOf(await world.run(importing(world.process(), sourcesOf([folder]))));
    expect(outcome.abortedTransactions).toBe(2);
    const { partition } = await viewOf(world, outcome.topic.id);
    expect(partition.openTransactions.size).toBe(0);
    expect(lastStableOffset(partition)).toBe(partition.nextOffset);
    expect(partition.nextOffset).toBe(6);
    const markers = splitBatches(await storedLog(world, outcome.topic, 0)).slice(-2);
    expect(markers.map(({ header, bytes }) => [header.baseOffset, header.producerId, readControlBatch(bytes)])).toEqual(
      [
        [4, 7, { kind: 'marker', type: 'abort', coordinatorEpoch: 0 }],
        [5, 9, { kind: 'marker', type: 'abort', coordinatorEpoch: 0 }],
      ],
    );
  });

  it('keeps the states of producers that no other producer here can have, and those of the last day', async () => {
    const world = await createWorld();
    const ids = new ProducerIds(world.process().env.stores.state, world.clock, world.process().env.random);
    // Ids below 1,000 may be those of this deployment's own producers.
    await world.run(ids.next());
    const day = 24 * 60 * 60 * 1000;
    const steps: Step[] = [
      { kind: 'data', timestamps: [T0 - 2 * day], valueBytes: 1, producer: 5_000 },
      { kind: 'marker', producer: 5_000, type: 'commit', timestamp: T0 - 2 * day },
      { kind: 'data', timestamps: [T0 - 10], valueBytes: 1, producer: 3 },
      { kind: 'marker', producer: 3, type: 'commit', timestamp: T0 - 10 },
      { kind: 'data', timestamps: [T0 - 10, T0], valueBytes: 1, producer: 4_000 },
      { kind: 'marker', producer: 4_000, type: 'commit', timestamp: T0 - 10 },
    ];
    const outcome = importedOf(await world.run(importing(world.process(), sourcesOf([await folderOf(steps)]))));
    const { partition } = await viewOf(world, outcome.topic.id);
    expect([...partition.producers.keys()]).toEqual([4_000]);
    expect(partition.producers.get(4_000)).toMatchObject({ epoch: 0, transactionStart: -1 });
    expect(partition.producers.get(4_000)!.batches).toMatchObject([
      { baseSequence: 0, lastSequence: 1, baseOffset: 4 },
    ]);
    const others = new ProducerIds(world.process().env.stores.state, world.clock, world.process().env.random);
    expect(await world.run(others.next())).toBe(5_001);
  });

  it('keeps the sequences of a producer whose old transaction it aborts', async () => {
    const world = await createWorld();
    const day = 24 * 60 * 60 * 1000;
    const steps: Step[] = [{ kind: 'data', timestamps: [T0 - 8 * day, T0 - 8 * day], valueBytes: 1, producer: 5_000 }];
    const outcome = importedOf(await world.run(importing(world.process(), sourcesOf([await folderOf(steps)]))));
    const { partition } = await viewOf(world, outcome.topic.id);
    expect(partition.producers.get(5_000)!.batches).toMatchObject([{ baseSequence: 0, lastSequence: 1 }]);
  });

  it('refuses a topic that exists, and a name or config that Kafka refuses', async () => {
    const world = await createWorld();
    const sources = sourcesOf([await folderOf(STEPS)]);
    importedOf(await world.run(importing(world.process(), sources)));
    const again = await world.run(importing(world.process(), sources));
    expect(again).toMatchObject({ kind: 'rejected', error: 'TOPIC_ALREADY_EXISTS' });
    const named = await world.run(importing(world.process(), sources, { topic: 'a topic' }));
    expect(named).toMatchObject({ kind: 'rejected', error: 'INVALID_TOPIC_EXCEPTION' });
    const internal = await world.run(importing(world.process(), sources, { topic: '__consumer_offsets' }));
    expect(internal.kind).toBe('rejected');
    const config = await world.run(
      importing(world.process(), sources, { topic: 'x', configs: { 'retention.ms': 'y' } }),
    );
    expect(config).toMatchObject({ kind: 'rejected', error: 'INVALID_CONFIG' });
    expect(importItems(world)).toEqual([]);
  });
});

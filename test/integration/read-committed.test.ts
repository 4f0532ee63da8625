import { beforeEach, describe, expect, it } from 'vitest';
import type { BatchMeta } from '../../lib/journal/entry.ts';
import type { JournalView } from '../../lib/journal/view.ts';
import { readBatchHeader } from '../../lib/records/batch.ts';
import { encodeControlBatch } from '../../lib/records/control.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { readCommitted } from '../support/read-committed.ts';
import { batchOf, createTopic, fetch, listOffset, produce, type TopicName, valuesIn } from '../support/requests.ts';
import { settled } from '../support/settled.ts';

const FOREVER = Number.POSITIVE_INFINITY;
const T0 = 1_000_000;

let stores: ReturnType<typeof emptyStores>;
let engine: Engine;
let topic: TopicName;

beforeEach(async () => {
  stores = emptyStores();
  engine = await startEngine({ stores });
  topic = await createTopic(engine.client, 'committed', { partitions: 2 });
});

interface Producer {
  readonly id: number;
  next: number;
}

const producer = (id: number): Producer => ({ id, next: 0 });

/** Appends a batch of an open transaction, as a coordinator would let pass. */
async function write(from: Producer, values: string[], partition = 0): Promise<void> {
  const open = await engine.journalOf(topic.name, partition);
  const bytes = batchOf(values, {
    timestamp: T0,
    producerId: from.id,
    producerEpoch: 0,
    baseSequence: from.next,
    isTransactional: true,
  });
  from.next += values.length;
  const header = readBatchHeader(bytes);
  const { lastOffsetDelta, maxTimestamp, producerId, producerEpoch, baseSequence } = header;
  const batch = { partition, lastOffsetDelta, maxTimestamp, producerId, producerEpoch, baseSequence, bytes };
  const result = await open.writer.append({ ...batch, transactional: true, transactionVerified: true }, FOREVER);
  expect(result.kind).toBe('appended');
}

/** Ends a transaction with a marker in each of the partitions. */
async function end(from: Producer, type: 'commit' | 'abort', partitions = [0]): Promise<void> {
  const open = await engine.journalOf(topic.name);
  const written = await open.writer.appendEntry((view, time) => markers(view, time, from, type, partitions), FOREVER);
  expect(written).toBe('written');
}

function markers(view: JournalView, time: number, from: Producer, type: 'commit' | 'abort', partitions: number[]) {
  const identity = { producerId: from.id, producerEpoch: 0 };
  const bytes: Buffer[] = [];
  const batches: BatchMeta[] = [];
  let position = 0;
  for (const partition of partitions) {
    const baseOffset = view.partitions.get(partition)?.nextOffset ?? 0;
    const marker = encodeControlBatch({ ...identity, type, coordinatorEpoch: 0, timestamp: T0, baseOffset });
    batches.push({
      ...identity,
      partition,
      baseOffset,
      lastOffsetDelta: 0,
      maxTimestamp: T0,
      baseSequence: -1,
      transactional: true,
      control: true,
      position,
      size: marker.length,
    });
    bytes.push(marker);
    position += marker.length;
  }
  const payload = { kind: 'inline' as const, bytes: Buffer.concat(bytes) };
  return { kind: 'markers' as const, time, ...identity, commit: type === 'commit', batches, payload };
}

describe('the last stable offset', () => {
  it('stops before the first open transaction and moves on with its end', async () => {
    const a = producer(1);
    const b = producer(2);
    await produce(engine.client, topic, batchOf(['plain 0']));
    await write(a, ['a1', 'a2']);
    await write(b, ['b3']);
    await produce(engine.client, topic, batchOf(['plain 4']));
    const bounds = async () => {
      const { highWatermark, lastStableOffset } = await fetch(engine.client, topic, { committed: true });
      const { offset } = await listOffset(engine.client, topic, -1, { committed: true });
      expect(offset).toBe(lastStableOffset);
      expect((await listOffset(engine.client, topic, -1)).offset).toBe(highWatermark);
      return [lastStableOffset, highWatermark];
    };
    expect(await bounds()).toEqual([1, 5]);
    expect(await readCommitted(engine.client, topic)).toEqual(['plain 0']);
    await end(a, 'commit');
    expect(await bounds()).toEqual([3, 6]);
    expect(await readCommitted(engine.client, topic)).toEqual(['plain 0', 'a1', 'a2']);
    await end(b, 'abort');
    expect(await bounds()).toEqual([7, 7]);
    expect(await readCommitted(engine.client, topic)).toEqual(['plain 0', 'a1', 'a2', 'plain 4']);
  });

  it('is the end of the log for those who read uncommitted', async () => {
    await write(producer(1), ['open']);
    const { records, lastStableOffset, abortedTransactions } = await fetch(engine.client, topic);
    expect(valuesIn(records)).toEqual(['open']);
    expect({ lastStableOffset, abortedTransactions }).toEqual({ lastStableOffset: 0, abortedTransactions: null });
  });

  it('keeps a committed reader waiting until the marker comes', async () => {
    const a = producer(1);
    await write(a, ['held back']);
    let done = false;
    const waiting = fetch(engine.client, topic, { committed: true, maxWaitMs: 20_000 }).then((answer) => {
      done = true;
      return answer;
    });
    await produce(engine.client, topic, batchOf(['behind it']));
    await settled();
    expect(done).toBe(false);
    await end(a, 'commit');
    expect(valuesIn((await waiting).records).slice(0, 2)).toEqual(['held back', 'behind it']);
  });

  it('hides records above it from look-ups by time', async () => {
    await produce(engine.client, topic, batchOf(['early'], { timestamp: T0 - 50 }));
    const a = producer(1);
    await write(a, ['open']);
    expect(await listOffset(engine.client, topic, T0, { committed: true })).toMatchObject({ offset: -1 });
    expect(await listOffset(engine.client, topic, T0)).toMatchObject({ offset: 1 });
    expect(await listOffset(engine.client, topic, -3, { committed: true })).toMatchObject({ offset: 0 });
    expect(await listOffset(engine.client, topic, -3)).toMatchObject({ offset: 1 });
    await end(a, 'commit');
    expect(await listOffset(engine.client, topic, T0, { committed: true })).toMatchObject({ offset: 1 });
  });
});

describe('aborted transactions', () => {
  it('are told for the part of the log that was read', async () => {
    const a = producer(1);
    const b = producer(2);
    await write(a, ['a0', 'a1']);
    await end(a, 'abort'); // offset 2
    await write(b, ['b3']);
    await end(b, 'commit'); // offset 4
    await write(a, ['a5']);
    await write(b, ['b6']);
    await end(b, 'abort'); // offset 7
    await end(a, 'abort'); // offset 8
    const aborted = async (offset: number, partitionMaxBytes?: number) => {
      const limit = partitionMaxBytes === undefined ? {} : { partitionMaxBytes };
      const answer = await fetch(engine.client, topic, { committed: true, offset, ...limit });
      return answer.abortedTransactions!.map(({ producerId, firstOffset }) => [producerId, firstOffset]);
    };
    expect(await aborted(0)).toEqual([
      [1, 0],
      [2, 6],
      [1, 5],
    ]);
    expect(await aborted(0, 1)).toEqual([[1, 0]]);
    expect(await aborted(1, 1)).toEqual([[1, 0]]);
    expect(await aborted(3, 1)).toEqual([]);
    expect(await aborted(8)).toEqual([[1, 5]]);
    expect(await aborted(9)).toEqual([]);
    expect(await readCommitted(engine.client, topic)).toEqual(['b3']);
    for (const offset of [1, 2, 3]) expect(await readCommitted(engine.client, topic, { offset })).toEqual(['b3']);
    expect(await readCommitted(engine.client, topic, { offset: 4 })).toEqual([]);
  });

  it('survive a checkpoint and a new process', async () => {
    const a = producer(1);
    for (let round = 0; round < 150; round++) {
      await write(a, [`aborted ${round}`]);
      await end(a, round % 2 === 0 ? 'abort' : 'commit');
    }
    const open = producer(9);
    await write(open, ['open']);
    const expected = Array.from({ length: 75 }, (_, index) => `aborted ${index * 2 + 1}`);
    expect(await readCommitted(engine.client, topic)).toEqual(expected);
    await engine.close();
    expect(stores.contents().state.map(({ sk }) => sk)).toContain('checkpoint');
    const next = await startEngine({ stores });
    expect(await readCommitted(next.client, topic)).toEqual(expected);
    expect((await fetch(next.client, topic, { committed: true, offset: 300 })).lastStableOffset).toBe(300);
  });

  it('go to every partition with its own offsets', async () => {
    const a = producer(1);
    await produce(engine.client, topic, batchOf(['x', 'y', 'z']), { partition: 1 });
    await write(a, ['a0']);
    const inOther = producer(1);
    await write(inOther, ['a3'], 1);
    await end(a, 'abort', [0, 1]);
    const first = await fetch(engine.client, topic, { committed: true });
    const second = await fetch(engine.client, topic, { committed: true, partition: 1 });
    expect(first.abortedTransactions).toEqual([{ producerId: 1, firstOffset: 0 }]);
    expect(second.abortedTransactions).toEqual([{ producerId: 1, firstOffset: 3 }]);
    expect([first.lastStableOffset, second.lastStableOffset]).toEqual([2, 5]);
  });
});

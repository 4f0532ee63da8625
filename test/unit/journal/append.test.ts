import { beforeEach, describe, expect, it } from 'vitest';
import type { RecordsEntry } from '../../../lib/journal/entry.ts';
import { readBatches } from '../../../lib/journal/read.ts';
import { batch, createWorld, FOREVER, first, HOUR, MINUTE, type Process, say, sequenced, type World } from './world.ts';

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  await process.open();
  process.calls.length = 0;
});

const append = async (text: string, fields = {}, by = process) => {
  const { writer: queue } = await by.open();
  return world.run(queue.append(batch(text, fields), FOREVER));
};

const records = () => world.entries().filter((entry): entry is RecordsEntry => entry.kind === 'records');

async function texts(by: Process, partition = 0): Promise<[number, string][]> {
  const { journal } = await by.open();
  await journal.catchUp(true);
  const to = journal.view.partitions.get(partition)?.nextOffset ?? 0;
  const read = await readBatches(journal, { partition, from: 0, to, maxBytes: 1e9, atLeastOne: true });
  return read.map(({ bytes }) => [say(bytes).offset, say(bytes).text]);
}

describe('an append', () => {
  it('alone is one put into the next slot, and nothing else', async () => {
    expect(await append('a')).toEqual({ kind: 'appended', baseOffset: 0, logStartOffset: 0 });
    expect(await append('b', { lastOffsetDelta: 4 })).toMatchObject({ baseOffset: 1 });
    expect(await append('c')).toMatchObject({ baseOffset: 6 });
    expect(process.calls.map(({ store, operation, sortKey }) => [store, operation, Number(sortKey)])).toEqual([
      ['journal', 'put', 1],
      ['journal', 'put', 2],
      ['journal', 'put', 3],
    ]);
  });

  it('is read by another process with its offset and leader epoch in the batch', async () => {
    await append('a');
    const open = await process.open();
    await open.writer.appendEntry((_, time) => ({ kind: 'leaderChange', time, leaderEpoch: 3, leader: 1 }), FOREVER);
    await append('b', { lastOffsetDelta: 1 });
    const other = await world.process().open();
    const read = await readBatches(other.journal, { partition: 0, from: 0, to: 3, maxBytes: 1e9, atLeastOne: true });
    expect(read.map(({ bytes }) => say(bytes))).toEqual([
      { offset: 0, leaderEpoch: 0, text: 'a' },
      { offset: 1, leaderEpoch: 3, text: 'b' },
    ]);
  });

  it('does not change the bytes that it was given', async () => {
    const given = batch('a');
    const before = Buffer.from(given.bytes);
    const { writer: queue } = await process.open();
    await queue.append(batch('first', { lastOffsetDelta: 9 }), FOREVER);
    await queue.append(given, FOREVER);
    expect(given.bytes.equals(before)).toBe(true);
  });

  it('takes with it what came while it was on its way', async () => {
    const { writer: queue } = await process.open();
    const results = await Promise.all(['a', 'b', 'c', 'd'].map((text) => queue.append(batch(text), FOREVER)));
    expect(results.map((result) => result.kind === 'appended' && result.baseOffset)).toEqual([0, 1, 2, 3]);
    expect(records().map((entry) => entry.batches.length)).toEqual([1, 3]);
    expect(await texts(world.process())).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
      [3, 'd'],
    ]);
  });

  it('counts each partition by itself', async () => {
    const { writer: queue } = await process.open();
    const results = await Promise.all(
      [0, 1, 0, 1, 1].map((partition) => queue.append(batch('x', { partition }), FOREVER)),
    );
    expect(results.map((result) => result.kind === 'appended' && result.baseOffset)).toEqual([0, 0, 1, 1, 2]);
  });

  it('has the time of the store, and never an earlier one than the entry before', async () => {
    await world.clock.advance(5_000);
    await append('a');
    const ahead = await process.open();
    const future = world.clock.now() + MINUTE;
    await ahead.writer.appendEntry(() => ({ kind: 'leaderChange', time: future, leaderEpoch: 1, leader: 1 }), FOREVER);
    await append('b');
    await world.clock.advance(2 * MINUTE);
    await append('c');
    const times = world.entries().map((entry) => entry.time - world.clock.now());
    expect(times).toEqual([-2 * MINUTE - 5_000, -2 * MINUTE, -MINUTE, -MINUTE, 0]);
  });
});

describe('a writer that lost the race', () => {
  it('decides again behind the entry that won', async () => {
    const other = world.process();
    await other.open();
    await append('mine');
    expect(await append('other', {}, other)).toMatchObject({ kind: 'appended', baseOffset: 1 });
    expect(await texts(process)).toEqual([
      [0, 'mine'],
      [1, 'other'],
    ]);
  });

  it('finds that the batch is there already, or may not follow any more', async () => {
    const other = world.process();
    const { writer: queue } = await other.open();
    const mine = await process.open();
    await mine.writer.append(sequenced('a', 0), FOREVER);
    await mine.writer.append(sequenced('b', 1, { producerEpoch: 0 }), FOREVER);
    await mine.writer.append(sequenced('c', 0, { producerEpoch: 1 }), FOREVER);
    await mine.writer.append(sequenced('other', 0, { producerId: 8 }), FOREVER);
    const late = [
      queue.append(sequenced('a', 0), FOREVER),
      queue.append(sequenced('other', 0, { producerId: 8 }), FOREVER),
      queue.append(sequenced('new', 0, { producerId: 9 }), FOREVER),
    ];
    expect(await world.run(Promise.all(late))).toMatchObject([
      { kind: 'rejected', error: 'INVALID_PRODUCER_EPOCH' },
      { kind: 'duplicate', baseOffset: 3 },
      { kind: 'appended', baseOffset: 4 },
    ]);
  });

  it('reads before it writes once races were lost several times', async () => {
    const other = world.process();
    const { writer: queue } = await process.open();
    await other.open();
    const { put } = other.stores.journal;
    let races = 4;
    other.stores.journal.put = async (...args) => {
      if (races-- > 0) await queue.append(batch('sooner'), FOREVER);
      return put(...args);
    };
    expect(await append('late', {}, other)).toMatchObject({ baseOffset: 4 });
    await append('sooner');
    other.calls.length = 0;
    expect(await append('late again', {}, other)).toMatchObject({ baseOffset: 6 });
    expect(other.calls.map(({ operation }) => operation)).toEqual(['query', 'put']);
  });

  it('loses nothing and doubles nothing, however many there are', async () => {
    const writers = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const one = world.process();
        one.faults = () => ({ delayBeforeMs: one.env.random.next() * 10, delayAfterMs: one.env.random.next() * 10 });
        return (await world.run(one.open())).writer;
      }),
    );
    const all = writers.flatMap((queue, writer) =>
      [0, 1, 2, 3, 4].map((number) =>
        queue.append(sequenced(`${writer}/${number}`, number, { producerId: writer }), FOREVER),
      ),
    );
    const results = await world.run(Promise.all(all));
    const offsets = results.map((result) => (result.kind === 'appended' ? result.baseOffset : -1));
    expect([...offsets].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    const read = await texts(process);
    for (const [offset, text] of read) expect(offsets.indexOf(offset)).toBe(Number(text[0]) * 5 + Number(text[2]));
    for (const writer of ['0', '1', '2', '3']) {
      const order = read.filter(([, text]) => text[0] === writer).map(([, text]) => text[2]);
      expect(order).toEqual(['0', '1', '2', '3', '4']);
    }
  });
});

describe('a repetition', () => {
  it('is answered with the offset of the original, without a word to the store', async () => {
    const { writer: queue } = await process.open();
    await queue.append(sequenced('a', 0), FOREVER);
    await queue.append(sequenced('b', 1, { maxTimestamp: 55 }), FOREVER);
    process.calls.length = 0;
    const answer = await queue.append(sequenced('b', 1), FOREVER);
    expect(answer).toEqual({ kind: 'duplicate', baseOffset: 1, timestamp: 55, logStartOffset: 0 });
    expect(process.calls).toEqual([]);
  });

  it('in the same group waits for the entry', async () => {
    const delays = [100, 500];
    process.faults = () => ({ delayBeforeMs: delays.shift() ?? 0 });
    const { writer: queue } = await process.open();
    const order: string[] = [];
    const busy = queue.append(batch('busy'), FOREVER);
    const original = queue.append(sequenced('a', 0), FOREVER).then((result) => order.push(result.kind));
    const again = queue.append(sequenced('a', 0), FOREVER).then((result) => order.push(result.kind));
    await world.clock.advance(550);
    await busy;
    expect(order).toEqual([]);
    await world.run(Promise.all([original, again]));
    expect(order).toEqual(['appended', 'duplicate']);
    expect(await texts(world.process())).toHaveLength(2);
  });

  it('of a batch whose entry lost its race waits for the next one', async () => {
    const other = world.process();
    await other.open();
    await append('won');
    const { writer: queue } = await other.open();
    const busy = queue.append(batch('busy'), FOREVER);
    const both = [queue.append(sequenced('a', 0), FOREVER), queue.append(sequenced('a', 0), FOREVER)];
    expect(await world.run(Promise.all(both))).toMatchObject([
      { kind: 'appended', baseOffset: 2 },
      { kind: 'duplicate', baseOffset: 2 },
    ]);
    await busy;
  });
});

describe('a refusal', () => {
  it('comes from a confirmed view only', async () => {
    const other = world.process();
    const { writer: queue } = await other.open();
    await queue.append(sequenced('a', 0), FOREVER);
    const mine = await process.open();
    await mine.journal.catchUp(true);
    await mine.writer.append(sequenced('b', 1), FOREVER);
    // The other process has no news of sequence 1, so that 2 looks like a gap until it has read on.
    other.calls.length = 0;
    expect(await world.run(queue.append(sequenced('c', 2), FOREVER))).toMatchObject({
      kind: 'appended',
      baseOffset: 2,
    });
    expect(other.calls).toMatchObject([{ operation: 'query', consistent: true }, { operation: 'put' }]);
    other.calls.length = 0;
    expect(await queue.append(sequenced('gap', 9), FOREVER)).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    expect(other.calls).toMatchObject([{ operation: 'query', consistent: true }]);
  });

  it('is confirmed anew after every attempt', async () => {
    const other = world.process();
    const { writer: queue } = await other.open();
    const mine = await process.open();
    const started = queue.append(sequenced('a', 0), FOREVER);
    await world.run(started);
    await mine.journal.catchUp(true);
    await mine.writer.append(sequenced('b', 1), FOREVER);
    // Refused by what it knows, confirmed, decided to follow, and throttled; then others come before it once more.
    other.faults = first(1, 'journal.put', { refuse: 'throttled' });
    const late = queue.append(sequenced('c', 2), FOREVER);
    await world.clock.advance(1);
    await mine.writer.append(sequenced('x', 0, { producerEpoch: 1 }), FOREVER);
    await other.open().then(({ journal }) => journal.catchUp(false));
    await mine.writer.append(sequenced('y', 1, { producerEpoch: 1 }), FOREVER);
    other.calls.length = 0;
    expect(await world.run(late)).toMatchObject({ kind: 'rejected', error: 'INVALID_PRODUCER_EPOCH' });
    expect(other.calls.filter(({ operation }) => operation === 'query')).toMatchObject([{ consistent: true }]);
  });

  it('leaves the others of its group alone', async () => {
    const { writer: queue } = await process.open();
    await queue.append(sequenced('a', 0), FOREVER);
    const results = await Promise.all([
      queue.append(batch('busy'), FOREVER),
      queue.append(sequenced('gap', 5), FOREVER),
      queue.append(sequenced('b', 1), FOREVER),
      queue.append(batch('open', { producerId: 3, producerEpoch: 0, baseSequence: 0, transactional: true }), FOREVER),
      queue.append(sequenced('a', 0), FOREVER),
    ]);
    expect(results).toMatchObject([
      { kind: 'appended', baseOffset: 1 },
      { kind: 'rejected', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' },
      { kind: 'appended', baseOffset: 2 },
      { kind: 'rejected', error: 'INVALID_TXN_STATE' },
      { kind: 'duplicate', baseOffset: 0 },
    ]);
  });

  it('by a closed journal comes at once and for good', async () => {
    const other = world.process();
    await other.open();
    const { writer: queue } = await process.open();
    await queue.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER);
    for (const by of [process, other]) {
      const result = await append('late', {}, by);
      expect(result).toMatchObject({ kind: 'rejected', error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    }
    expect(world.entries().at(-1)?.kind).toBe('close');
  });

  it.each([
    ['tooLarge', 'MESSAGE_TOO_LARGE'],
    ['rejected', 'KAFKA_STORAGE_ERROR'],
  ] as const)('of the store as %s is %s', async (reason, error) => {
    process.stores.journal.put = () => Promise.resolve({ kind: 'refused', reason, message: 'no' });
    expect(await append('a')).toEqual({ kind: 'rejected', error, message: 'no' });
  });
});

describe('the age of the view', () => {
  it('bounds until when an append may be signed', async () => {
    const { journal } = await process.open();
    const { confirmedAt } = journal;
    await world.clock.advance(10 * MINUTE);
    await append('a');
    expect(process.puts.at(-1)?.options).toEqual({ signBefore: confirmedAt + HOUR, timeoutMs: 5_000 });
    // An own append confirms the view.
    await append('b');
    expect(process.puts.at(-1)?.options?.signBefore).toBe(world.clock.now() + HOUR);
  });

  it.each([
    [HOUR - 1, ['put']],
    [HOUR, ['query', 'put']],
  ])('of %i ms means %s', async (age, operations) => {
    await world.clock.advance(age);
    await append('a');
    expect(process.calls.map(({ operation }) => operation)).toEqual(operations);
    expect(process.calls[0]?.consistent).not.toBe(false);
  });

  it('counts from nothing again once the store calls a signature expired', async () => {
    await append('a');
    const { journal } = await process.open();
    process.env.trust.generation += 1;
    expect(journal.confirmedAt).toBe(Number.NEGATIVE_INFINITY);
    process.calls.length = 0;
    await append('b');
    expect(process.calls.map(({ operation }) => operation)).toEqual(['query', 'put']);
  });

  it('is not renewed by an eventually consistent read', async () => {
    const { journal } = await process.open();
    const { confirmedAt } = journal;
    await world.clock.advance(MINUTE);
    await journal.catchUp(false);
    expect(journal.confirmedAt).toBe(confirmedAt);
    await journal.catchUp(true);
    expect(journal.confirmedAt).toBe(confirmedAt + MINUTE);
  });
});

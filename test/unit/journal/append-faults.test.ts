import { beforeEach, describe, expect, it } from 'vitest';
import type { AppendResult } from '../../../lib/journal/decide-append.ts';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import type { Fault } from '../../../lib/storage/memory/faults.ts';
import { batch, createWorld, FOREVER, first, MINUTE, type Process, sequenced, type World } from './world.ts';

let world: World;
let process: Process;
let open: OpenJournal;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  open = await process.open();
  process.calls.length = 0;
});

const batchesStored = () => world.entries().flatMap((entry) => (entry.kind === 'records' ? entry.batches : []));
const deadlineIn = (ms: number) => world.clock.monotonic() + ms;
const nonces = () => process.puts.map(({ item }) => item.nonce);

describe('a put whose outcome is unknown', () => {
  const faults: readonly [string, Fault][] = [
    ['landed', { loseAnswer: true }],
    ['did not land', { landAfterMs: 30 * MINUTE }],
    ['lands later, after a repetition', { landAfterMs: 3 }],
    ['takes longer than the time-out', { delayAfterMs: 7_000 }],
  ];
  it.each(faults)('that %s is repeated as it is, and known by its nonce', async (_, fault) => {
    process.faults = first(3, 'journal.put', fault);
    const results = world.run(
      Promise.all([open.writer.append(batch('a'), FOREVER), open.writer.append(batch('b'), FOREVER)]),
    );
    expect(await results).toMatchObject([
      { kind: 'appended', baseOffset: 0 },
      { kind: 'appended', baseOffset: 1 },
    ]);
    expect(batchesStored()).toHaveLength(2);
    const slots = process.puts.map(({ item }) => item.version);
    const same = process.puts.filter(({ item }) => item.version === 1);
    expect(same.length).toBeGreaterThan(1);
    expect(new Set(same.map(({ item }) => item.nonce)).size).toBe(1);
    expect([...slots].sort()).toEqual(slots);
  });

  it('is decided anew only once another entry was seen in its slot', async () => {
    process.faults = first(1, 'journal.put', { landAfterMs: 60 * MINUTE });
    const mine = open.writer.append(sequenced('a', 0), FOREVER);
    await world.clock.advance(0);
    const other = await world.process().open();
    await other.writer.append(sequenced('a', 0), FOREVER);
    await other.writer.append(batch('b'), FOREVER);
    expect(await world.run(mine)).toMatchObject({ kind: 'duplicate', baseOffset: 0 });
    expect(process.puts.map(({ item }) => item.version)).toEqual([1, 1]);
    expect(batchesStored()).toHaveLength(2);
  });

  it('is known at once when the tail has read it meanwhile', async () => {
    process.faults = first(1, 'journal.put', { loseAnswer: true });
    const mine = open.writer.append(batch('a'), FOREVER);
    await world.clock.advance(0);
    await open.journal.catchUp(false);
    expect(await world.run(mine)).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(process.puts).toHaveLength(1);
  });

  it('is not repeated when the tail has read another one in its slot', async () => {
    process.faults = first(1, 'journal.put', { landAfterMs: 60 * MINUTE });
    const mine = open.writer.append(batch('a'), FOREVER);
    await world.clock.advance(0);
    const other = await world.process().open();
    await other.writer.append(batch('b'), FOREVER);
    await open.journal.catchUp(false);
    expect(await world.run(mine)).toMatchObject({ kind: 'appended', baseOffset: 1 });
    expect(process.puts.map(({ item }) => item.version)).toEqual([1, 2]);
  });

  it('keeps the slot for as long as it takes, also when the store refuses in between', async () => {
    const faults: Fault[] = [{ loseAnswer: true }, { refuse: 'throttled' }, { refuse: 'unavailable' }];
    process.faults = ({ operation }) => (operation === 'put' ? faults.shift() : undefined);
    expect(await world.run(open.writer.append(batch('a'), FOREVER))).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(new Set(nonces()).size).toBe(1);
    expect(process.puts).toHaveLength(4);
  });
});

describe('a put that is refused for good after one whose outcome is unknown', () => {
  const refusal = { kind: 'refused', reason: 'rejected', message: 'not any more' } as const;

  /** The first put goes as `fault` says, and all later ones are refused. */
  function refusedAfter(fault: Fault) {
    process.faults = first(1, 'journal.put', fault);
    const { put } = process.stores.journal;
    let puts = 0;
    process.stores.journal.put = async (...call) => (puts++ === 0 ? put(...call) : refusal);
    return () => puts;
  }

  it('is found in its slot where it landed', async () => {
    const puts = refusedAfter({ loseAnswer: true });
    expect(await world.run(open.writer.append(batch('a'), FOREVER))).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(puts()).toBeLessThan(4);
  });

  it('ends once it can no longer land, and the queue with it', async () => {
    refusedAfter({ landAfterMs: 30 * MINUTE });
    const result = await world.run(open.writer.append(batch('a'), FOREVER), 60 * MINUTE);
    expect(result).toEqual({ kind: 'rejected', error: 'KAFKA_STORAGE_ERROR', message: 'not any more' });
    await world.clock.advance(1_000);
    expect(open.writer.idle).toBe(true);
    expect(batchesStored()).toEqual([]);
  });
});

describe('a group that is too large for an item', () => {
  it('goes through an object', async () => {
    const wide = world.process({ tier: { inlineMaxBytes: 600 * 1024 } });
    const { writer } = await wide.open();
    const results = [1, 2, 3, 4].map(() => writer.append(batch('x'.repeat(201 * 1024)), FOREVER));
    expect(await world.run(Promise.all(results))).toMatchObject([
      { kind: 'appended', baseOffset: 0 },
      { kind: 'appended', baseOffset: 1 },
      { kind: 'appended', baseOffset: 2 },
      { kind: 'appended', baseOffset: 3 },
    ]);
    expect(wide.count('blobs.put')).toBe(1);
  });
});

describe('a put that was surely not made', () => {
  it('is decided and made anew', async () => {
    process.faults = first(2, 'journal.put', { refuse: 'throttled' });
    expect(await world.run(open.writer.append(batch('a'), FOREVER))).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(new Set(nonces()).size).toBe(3);
    expect(batchesStored()).toHaveLength(1);
  });

  it('for an expired signature makes all views of the process be read again', async () => {
    const { generation } = process.env.trust;
    // Delayed on the way for longer than a signature holds.
    process.faults = first(1, 'journal.put', { delayBeforeMs: 16 * MINUTE });
    process.stores.journal.put = withoutTimeout(process);
    expect(await world.run(open.writer.append(batch('a'), FOREVER))).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(process.env.trust.generation).toBe(generation + 1);
    expect(process.calls.map(({ operation }) => operation)).toEqual(['put', 'query', 'put']);
  });
});

function withoutTimeout({ stores }: Process): Process['stores']['journal']['put'] {
  const { put } = stores.journal;
  return (item, condition, options) => put(item, condition, { signBefore: options!.signBefore! });
}

describe('reads that fail', () => {
  it('are no more than a reason to try again', async () => {
    await world.clock.advance(2 * 60 * MINUTE);
    process.faults = first(3, 'journal.query', { refuse: 'unavailable' });
    expect(await world.run(open.writer.append(batch('a'), FOREVER))).toMatchObject({ kind: 'appended' });
    expect(process.lines).toHaveLength(3);
  });

  it('after a lost race do not make the old decision count', async () => {
    const other = await world.process().open();
    await other.writer.append(sequenced('a', 0), FOREVER);
    await other.writer.append(sequenced('b', 1), FOREVER);
    process.faults = first(2, 'journal.query', { refuse: 'throttled' });
    expect(await world.run(open.writer.append(sequenced('b', 1), FOREVER))).toMatchObject({
      kind: 'duplicate',
      baseOffset: 1,
    });
    expect(batchesStored()).toHaveLength(2);
  });
});

describe('an entry that this program cannot read', () => {
  it('stops appends rather than be passed over', async () => {
    const other = world.process();
    const { writer } = await other.open();
    const { put } = other.stores.journal;
    other.stores.journal.put = (item, ...rest) => {
      const body = Buffer.from(item.body);
      body[1] = 99;
      return put({ ...item, body }, ...rest);
    };
    await writer.append(batch('from the future'), FOREVER);
    for (const _ of [1, 2]) {
      expect(await world.run(open.writer.append(batch('a'), FOREVER))).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' });
    }
    await expect(open.journal.catchUp(true)).rejects.toThrow('entry kind 99 is unknown');
    expect(open.journal.view.seq).toBe(0);
  });
});

describe('deadlines', () => {
  const timedOut = { kind: 'rejected', error: 'REQUEST_TIMED_OUT' };

  it('are kept while the outcome is unknown, and the batch is not lost if it landed', async () => {
    process.faults = first(20, 'journal.put', { loseAnswer: true });
    const mine = open.writer.append(sequenced('a', 0), deadlineIn(500));
    expect(await world.run(mine, 501)).toEqual(timedOut);
    const again = open.writer.append(sequenced('a', 0), FOREVER);
    expect(await world.run(again)).toMatchObject({ kind: 'duplicate', baseOffset: 0 });
    expect(batchesStored()).toHaveLength(1);
  });

  it.each(['journal.put', 'journal.query'])('are kept while a %s hangs', async (call) => {
    await world.clock.advance(2 * 60 * MINUTE);
    process.faults = first(1, call, { delayBeforeMs: 4_000 });
    const results: AppendResult[] = [];
    for (const ms of [300, 200, 5_000]) {
      void open.writer.append(batch(`${ms}`), deadlineIn(ms)).then((result) => results.push(result));
    }
    await world.clock.advance(200);
    expect(results).toEqual([timedOut]);
    await world.clock.advance(100);
    expect(results).toEqual([timedOut, timedOut]);
    await world.clock.advance(4_000);
    expect(results[2]).toMatchObject({ kind: 'appended' });
  });

  it('are kept for those who wait behind', async () => {
    process.faults = ({ operation }) => (operation === 'put' ? { loseAnswer: true, delayBeforeMs: 100 } : undefined);
    const stuck = open.writer.append(batch('stuck'), FOREVER);
    const behind = open.writer.append(batch('behind'), deadlineIn(1_000));
    const close = open.writer.appendEntry((_, time) => ({ kind: 'close', time }), deadlineIn(2_000));
    const later = open.writer.append(batch('later'), deadlineIn(1_500));
    expect(await world.run(behind, 1_001)).toEqual(timedOut);
    expect(await world.run(later, 501)).toEqual(timedOut);
    expect(await world.run(close, 501)).toBe('timedOut');
    process.faults = () => undefined;
    expect(await world.run(stuck)).toMatchObject({ kind: 'appended' });
    await world.clock.runUntilIdle(MINUTE);
    // What was answered so is not tried any more.
    expect(batchesStored()).toHaveLength(1);
    expect(world.entries().at(-1)?.kind).toBe('records');
    expect(open.writer.idle).toBe(true);
  });

  it('that have passed cost no call', async () => {
    expect(await world.run(open.writer.append(batch('late'), deadlineIn(0)))).toEqual(timedOut);
    expect(process.calls).toEqual([]);
  });

  it('leave no timer behind', async () => {
    await Promise.all([1, 2, 3].map((n) => open.writer.append(batch(`${n}`), deadlineIn(n * 1_000))));
    await world.clock.advance(0);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it('beyond what a timer takes are looked at in between', async () => {
    const delays: number[] = [];
    const { setTimer } = world.clock;
    world.clock.setTimer = (delayMs, callback) => {
      delays.push(delayMs);
      return setTimer.call(world.clock, delayMs, callback);
    };
    process.faults = first(1, 'journal.put', { delayBeforeMs: 4_000 });
    expect(await world.run(open.writer.append(batch('a'), deadlineIn(2 ** 40)))).toMatchObject({ kind: 'appended' });
    expect(Math.max(...delays)).toBeLessThan(2 ** 31);
  });
});

describe('the order of batches', () => {
  it('is that of the calls, whatever goes wrong', async () => {
    const faults: (Fault | undefined)[] = [
      { loseAnswer: true },
      undefined,
      { refuse: 'throttled' },
      { landAfterMs: 40 },
      { delayAfterMs: 6_000 },
      { delayBeforeMs: 300 },
    ];
    process.faults = () => faults[Math.floor(process.env.random.next() * faults.length)];
    const results: Promise<AppendResult>[] = [];
    for (let number = 0; number < 60; number++) {
      const partition = number % 2;
      const fields = { partition, producerId: partition };
      results.push(open.writer.append(sequenced(`${number}`, Math.floor(number / 2), fields), FOREVER));
      if (number % 4 === 0) await world.clock.advance(process.env.random.next() * 50);
    }
    const offsets = (await world.run(Promise.all(results))).map((result) =>
      result.kind === 'appended' ? result.baseOffset : result.kind,
    );
    expect(offsets).toEqual(Array.from({ length: 60 }, (_, number) => Math.floor(number / 2)));
    expect(batchesStored().map(({ partition, baseSequence }) => [partition, baseSequence])).toEqual(
      Array.from({ length: 60 }, (_, number) => [number % 2, Math.floor(number / 2)]),
    );
  });
});

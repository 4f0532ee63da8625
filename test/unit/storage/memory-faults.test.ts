import { describe, expect, it } from 'vitest';
import type { Fault, FaultPlan, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { type Item, StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { SkewedClock, VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE = 60_000;
const ABSENT = { kind: 'absent' } as const;

function item(sk: string, version = 0): Item {
  return { pk: 'p', sk, version, nonce: `n-${sk}-${version}`, body: Buffer.from(sk) };
}

/** A store, a client without faults, and one whose next call has the given fault. */
function open() {
  const clock = new VirtualClock();
  const stores = memoryStores({ clock, random: seededRandom(7) });
  let next: Fault | undefined;
  const calls: StoreCall[] = [];
  const faults: FaultPlan = (call) => {
    calls.push(call);
    const fault = next;
    next = undefined;
    return fault;
  };
  const faulty = stores.client({ name: 'faulty', faults });
  const withFault = (fault: Fault) => {
    next = fault;
    return faulty;
  };
  const there = async (sk: string) => (await stores.journal.get('p', sk, true)).item;
  return { clock, stores, withFault, there, calls };
}

describe('writes', () => {
  const cases: readonly [string, Fault, object, boolean][] = [
    ['throttled', { refuse: 'throttled' }, { kind: 'refused', reason: 'throttled' }, false],
    ['unavailable', { refuse: 'unavailable' }, { kind: 'refused', reason: 'unavailable' }, false],
    ['with a lost answer', { loseAnswer: true }, { kind: 'unknown' }, true],
    ['on a slow way', { delayBeforeMs: 500, delayAfterMs: 500 }, { kind: 'committed' }, true],
    ['15 minutes on the way', { delayBeforeMs: 15 * MINUTE }, { kind: 'committed' }, true],
    ['longer on the way', { delayBeforeMs: 15 * MINUTE + 1 }, { kind: 'refused', reason: 'expired' }, false],
    ['landing 15 minutes later', { landAfterMs: 15 * MINUTE }, { kind: 'unknown' }, true],
    ['landing after its signature', { landAfterMs: 15 * MINUTE + 1 }, { kind: 'unknown' }, false],
  ];
  it.each(cases)('%s', async (_, fault, expected, lands) => {
    const { clock, withFault, there } = open();
    const outcome = withFault(fault).journal.put(item('a'), ABSENT);
    await clock.runUntilIdle();
    expect(await outcome).toMatchObject(expected);
    expect(await there('a')).toEqual(lands ? item('a') : undefined);
  });

  it('answers unknown at the time-out and lands afterwards', async () => {
    const { clock, withFault, there } = open();
    const outcome = withFault({ delayBeforeMs: 2_000 }).journal.put(item('a'), ABSENT, { timeoutMs: 1_000 });
    await clock.advance(1_000);
    expect((await outcome).kind).toBe('unknown');
    expect(await there('a')).toBeUndefined();
    await clock.advance(1_000);
    expect(await there('a')).toEqual(item('a'));
  });

  it('deletes and object puts meet the same', async () => {
    const { clock, stores, withFault } = open();
    await stores.journal.put(item('a'), ABSENT);
    expect((await withFault({ loseAnswer: true }).journal.delete('p', 'a', 0)).kind).toBe('unknown');
    expect(stores.contents().journal).toEqual([]);
    expect((await withFault({ landAfterMs: 10 }).blobs.put('k', [Buffer.from('x')])).kind).toBe('unknown');
    expect(stores.contents().blobs.size).toBe(0);
    await clock.advance(10);
    expect(stores.contents().blobs.size).toBe(1);
    await expect(withFault({ refuse: 'throttled' }).blobs.delete('k')).rejects.toThrow(StoreUnavailableError);
  });

  it('judges by the store time that was signed, not by the local clock', async () => {
    const { clock, stores } = open();
    const local = new SkewedClock(clock, -10 * 60 * MINUTE);
    const client = stores.client({ clock: local });
    // Without an answer there is only the wrong clock.
    expect(await client.journal.put(item('a'), ABSENT)).toMatchObject({ kind: 'refused', reason: 'expired' });
    // The refusal told the time.
    expect(await client.journal.put(item('a'), ABSENT)).toMatchObject({ kind: 'committed' });
    local.stop();
    await clock.advance(15 * MINUTE + 1);
    expect(await client.journal.put(item('b'), ABSENT)).toMatchObject({ kind: 'refused', reason: 'expired' });
  });
});

describe('reads', () => {
  const failing: readonly Fault[] = [{ refuse: 'throttled' }, { refuse: 'unavailable' }, { loseAnswer: true }];
  it.each(failing)('throw: %j', async (fault) => {
    const { withFault } = open();
    await expect(withFault(fault).journal.get('p', 'a', true)).rejects.toThrow(StoreUnavailableError);
    await expect(withFault(fault).blobs.get('a')).rejects.toThrow(StoreUnavailableError);
  });

  it('lag behind by writes or by time, but not when they are consistent', async () => {
    const { clock, stores, withFault } = open();
    for (const sk of ['a', 'b', 'c']) {
      await stores.journal.put(item(sk), ABSENT);
      await clock.advance(1_000);
    }
    await stores.journal.put(item('a', 1), { kind: 'version', version: 0 });
    await stores.journal.delete('p', 'b', 0);
    const seen = async (fault: Fault, consistent = false) =>
      (await withFault(fault).journal.query({ pk: 'p', consistent })).items.map(({ sk, version }) => `${sk}${version}`);
    expect(await seen({})).toEqual(['a1', 'c0']);
    expect(await seen({ lag: { writes: 1 } })).toEqual(['a1', 'b0', 'c0']);
    expect(await seen({ lag: { writes: 2 } })).toEqual(['a0', 'b0', 'c0']);
    expect(await seen({ lag: { ms: 1_500 } })).toEqual(['a0', 'b0']);
    expect(await seen({ lag: { ms: 60_000 } })).toEqual([]);
    expect(await seen({ lag: { writes: 2 } }, true)).toEqual(['a1', 'c0']);
    expect((await withFault({ lag: { writes: 2 } }).journal.get('p', 'a', false)).item).toEqual(item('a'));
  });

  it('come in short pages', async () => {
    const { stores, withFault } = open();
    for (const sk of ['a', 'b', 'c']) await stores.journal.put(item(sk), ABSENT);
    const page = await withFault({ cutPageTo: 2 }).journal.query({ pk: 'p', consistent: true });
    expect(page).toMatchObject({ items: [{ sk: 'a' }, { sk: 'b' }], more: true });
  });

  it('are as old as the moment at the store, however long the answer takes', async () => {
    const { clock, withFault } = open();
    const startedAt = clock.now();
    const answer = withFault({ delayBeforeMs: 100, delayAfterMs: 7_200_000 }).journal.query({
      pk: 'p',
      consistent: true,
    });
    await clock.runUntilIdle();
    expect((await answer).storeTime).toBe(startedAt + 100);
  });
});

it('asks the hooks with who, where and what, and draws latencies from the seed', async () => {
  const { clock, withFault, calls, stores } = open();
  await withFault({}).state.get('p', 's', false);
  expect(calls).toEqual([
    { client: 'faulty', store: 'state', operation: 'get', key: 'p', sortKey: 's', consistent: false },
  ]);
  const slow = stores.client({ latency: (_, random) => ({ beforeMs: 1 + random.next(), afterMs: 2 }) });
  const startedAt = clock.monotonic();
  const answer = slow.journal.get('p', 's', true);
  await clock.runUntilIdle();
  await answer;
  expect(clock.monotonic() - startedAt).toBeGreaterThanOrEqual(3);
  expect(clock.monotonic() - startedAt).toBeLessThan(4);
});

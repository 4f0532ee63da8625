import { expect, it } from 'vitest';
import { noUnits, type Units } from '../../../lib/cost/charge.ts';
import { CostMeter } from '../../../lib/cost/meter.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { meterStores } from '../../../lib/storage/metering.ts';
import type { Item, Stores } from '../../../lib/storage/ports.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { meteredUnits, WalkedBill } from '../../support/walked-units.ts';

const plainStores = () => memoryStores({ clock: new VirtualClock(), random: seededRandom(1) });

function item(pk: string, sk: string, bodyBytes: number, version = 1): Item {
  return { pk, sk, version, nonce: 'n', body: Buffer.alloc(bodyBytes) };
}

/** Items that are deleted or replaced have one size for each cause: what the meter takes for their size is true. */
const BODY_BYTES = { 'group/g': 3_000, 'offsets/g': 300, due: 10, 'segments/t/0': 1_500 } as const;
const PKS = Object.keys(BODY_BYTES) as (keyof typeof BODY_BYTES)[];

async function randomCall(stores: Stores, seq: number, random: () => number): Promise<unknown> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const pk = pick(PKS);
  const sk = `s${Math.floor(random() * 9)}`;
  const consistent = random() < 0.5;
  switch (Math.floor(random() * 10)) {
    case 0:
      return stores.journal.put(item('journal/t/0', `${seq % 60}`, random() * 20_000), { kind: 'absent' });
    case 1:
      return stores.journal.query({ pk: 'journal/t/0', from: `${Math.floor(random() * 60)}`, limit: 5, consistent });
    case 2:
      return stores.state.put(item(pk, sk, BODY_BYTES[pk]), { kind: 'absent' });
    case 3:
      return stores.state.put(item(pk, sk, BODY_BYTES[pk]), { kind: 'version', version: 1 });
    case 4:
      return stores.state.get(pk, sk, consistent);
    case 5:
      return stores.state.query({ pk, reverse: random() < 0.5, consistent });
    case 6: {
      const there = await stores.state.get(pk, sk, true);
      return there.item && stores.state.delete(pk, sk, pick([1, 1, 2]));
    }
    case 7:
      return stores.blobs.put(pick(['wal/0a-1', 'segment/t/0/1-n', 'checkpoint/t/0/1-n']), [Buffer.alloc(5_000)]);
    case 8:
      return pick([
        () => stores.blobs.get('wal/0a-1'),
        () => stores.blobs.getRange('segment/t/0/1-n', 0, 5),
        () => stores.blobs.delete('wal/0a-1'),
      ])();
    default:
      return stores.blobs.list('wal/', undefined, 10);
  }
}

it.each([1, 2, 3])('counts what a walk over all items counts, seed %i', async (seed) => {
  const walked = new WalkedBill(plainStores());
  const meter = new CostMeter();
  const stores = meterStores(walked.stores, meter);
  const random = seededRandom(seed);
  for (let seq = 0; seq < 600; seq++) await randomCall(stores, seq, () => random.next());
  expect(walked.units.size).toBe(8);
  expect(meteredUnits(meter)).toEqual(walked.units);
});

const unitsOf = (meter: CostMeter): Record<string, Units> => Object.fromEntries(meter.byCause());

it('takes the mean of the put items for the size of a deleted one, and else that of the read ones', async () => {
  const plain = plainStores();
  const first = new CostMeter();
  const writer = meterStores(plain, first).journal;
  for (const [sk, bytes] of [
    ['1', 1_000],
    ['2', 5_000],
  ] as const) {
    await writer.put(item('journal/t/0', sk, bytes), { kind: 'absent' });
  }
  // 2 and 5 units; the mean of 1,046 and 5,046 bytes is 3 units.
  expect(unitsOf(first)).toEqual({ entries: { ...noUnits(), write: 2 + 5 } });
  await writer.delete('journal/t/0', '1', 1);
  expect(unitsOf(first).entries!.write).toBe(2 + 5 + 3);

  const second = new CostMeter();
  const other = meterStores(plain, second).journal;
  await other.delete('journal/t/0', 'nothing', 1);
  expect(unitsOf(second)).toEqual({ entries: { ...noUnits(), write: 1 } });
  await other.query({ pk: 'journal/t/0', consistent: true });
  await other.delete('journal/t/0', '2', 1);
  expect(unitsOf(second)).toEqual({ entries: { ...noUnits(), write: 1 + 5, read: 2 } });
});

it('has nothing to show before the first call, and nothing of calls that are not billed', async () => {
  const meter = new CostMeter();
  expect(unitsOf(meter)).toEqual({});
  const refusing = memoryStores({
    clock: new VirtualClock(),
    random: seededRandom(1),
    faults: () => ({ refuse: 'throttled' }),
  });
  const { state } = meterStores(refusing, meter);
  expect(await state.put(item('due', 's', 10), { kind: 'absent' })).toMatchObject({ kind: 'refused' });
  await expect(state.get('due', 's', true)).rejects.toThrow();
  expect(unitsOf(meter)).toEqual({});
});

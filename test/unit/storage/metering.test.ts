import { expect, it } from 'vitest';
import { itemBytes } from '../../../lib/storage/item-rules.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { type MeteredCall, meterStores } from '../../../lib/storage/metering.ts';
import { CountingMeter } from '../../support/counting-meter.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const item = { pk: 'p', sk: 's', version: 1, nonce: 'n', body: Buffer.alloc(100) };
const bytes = itemBytes(item);

it('counts calls, outcomes and bytes by kind, and passes answers through', async () => {
  const meter = new CountingMeter();
  const plain = memoryStores({ clock: new VirtualClock(), random: seededRandom(1) });
  const stores = meterStores(plain, meter);
  expect(await stores.journal.put(item, { kind: 'absent' })).toMatchObject({ kind: 'committed' });
  expect(await stores.journal.put(item, { kind: 'absent' })).toMatchObject({ kind: 'conflict', existing: item });
  await stores.journal.put({ ...item, sk: '' }, { kind: 'absent' });
  await stores.journal.query({ pk: 'p', consistent: true });
  await stores.state.get('p', 's', false);
  await stores.journal.delete('p', 's', 1);
  await stores.blobs.put('k', [Buffer.alloc(3), Buffer.alloc(4)]);
  await stores.blobs.getRange('k', 0, 5);
  await stores.blobs.get('nothing');
  await stores.blobs.list('', undefined, 10);
  await stores.blobs.delete('k');
  expect(meter.counts()).toEqual({
    'journal.put': 3,
    'journal.query': 1,
    'state.get': 1,
    'journal.delete': 1,
    'blobs.put': 1,
    'blobs.getRange': 1,
    'blobs.get': 1,
    'blobs.list': 1,
    'blobs.delete': 1,
  });
  expect(meter.totals('journal.put')).toEqual({
    calls: 3,
    bytesIn: 3 * bytes - 1,
    bytesOut: bytes,
    items: 0,
    outcomes: { committed: 1, conflict: 1, 'refused.rejected': 1 },
  });
  expect(meter.totals('journal.query')).toMatchObject({ items: 1, bytesOut: bytes });
  expect(meter.totals('blobs.put')).toMatchObject({ bytesIn: 7, outcomes: { stored: 1 } });
  expect(meter.totals('blobs.getRange')).toMatchObject({ bytesOut: 5, outcomes: { found: 1 } });
  expect(meter.totals('blobs.get').outcomes).toEqual({ missing: 1 });
  meter.reset();
  expect(meter.counts()).toEqual({});
  expect(stores.journal.now()).toBe(plain.journal.now());
});

it('records reads that fail, and whether they were consistent', async () => {
  const calls: MeteredCall[] = [];
  const plain = memoryStores({
    clock: new VirtualClock(),
    random: seededRandom(1),
    faults: () => ({ refuse: 'throttled' }),
  });
  const stores = meterStores(plain, { record: (call) => calls.push(call) });
  await expect(stores.state.get('p', 's', true)).rejects.toThrow('throttled');
  expect(calls).toEqual([
    {
      kind: 'state.get',
      key: 'p',
      sk: 's',
      outcome: 'error',
      bytesIn: 0,
      bytesOut: 0,
      items: 0,
      consistent: true,
      durationMs: 0,
    },
  ]);
});

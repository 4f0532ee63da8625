import { describe, expect, it } from 'vitest';
import { unitOf, unitsOf } from '../../../lib/cost/charge.ts';
import type { MeteredCall } from '../../../lib/storage/metering.ts';

const KB = 1024;

function call(kind: MeteredCall['kind'], of: Partial<MeteredCall> = {}): MeteredCall {
  return {
    kind,
    key: 'p',
    sk: 's',
    outcome: 'ok',
    bytesIn: 0,
    bytesOut: 0,
    items: 0,
    consistent: true,
    durationMs: 0,
    ...of,
  };
}

describe('a write of an item', () => {
  // "An item of 1.5 KB takes 2 write units", and so on: AWS's page on read and write operations.
  it.each([
    [1, 1],
    [KB, 1],
    [KB + 1, 2],
    [1.5 * KB, 2],
    [8 * KB, 8],
    [400 * KB, 400],
  ])('of %i bytes is %i units', (bytesIn, units) => {
    expect(unitsOf(call('journal.put', { outcome: 'committed', bytesIn }))).toBe(units);
    expect(unitsOf(call('state.put', { outcome: 'committed', bytesIn }))).toBe(units);
  });

  it('is billed by the larger of before and after', () => {
    const put = call('state.put', { outcome: 'committed', bytesIn: 2 * KB });
    expect(unitsOf(put, 5 * KB)).toBe(5);
    expect(unitsOf(put, KB)).toBe(2);
  });

  it('is billed by the item that is removed, at least 1 unit', () => {
    expect(unitsOf(call('state.delete', { outcome: 'committed' }), 3 * KB)).toBe(3);
    expect(unitsOf(call('state.delete', { outcome: 'committed' }))).toBe(1);
  });

  it.each([
    ['of a condition by the item that it met', 3 * KB, 3],
    ['of a condition that met a small item', 10, 1],
    ['of a condition that met none', 0, 1],
  ])('that fails is billed %s', (_, bytesOut, units) => {
    const conflict = { outcome: 'conflict', bytesIn: 20 * KB, bytesOut };
    expect(unitsOf(call('state.put', conflict), 30 * KB)).toBe(units);
    expect(unitsOf(call('state.delete', conflict), 30 * KB)).toBe(units);
  });

  it('counts as done when its outcome is unknown', () => {
    expect(unitsOf(call('journal.put', { outcome: 'unknown', bytesIn: 2 * KB }))).toBe(2);
  });
});

describe('a read of items', () => {
  it.each([
    // bytes, consistent, eventual
    [0, 1, 0.5],
    [1, 1, 0.5],
    [4 * KB, 1, 0.5],
    [4 * KB + 1, 2, 1],
    [8 * KB, 2, 1],
    [KB * KB, 256, 128],
  ])('of %i bytes is %d units if it is consistent, else %d', (bytesOut, consistent, eventual) => {
    for (const kind of ['journal.get', 'journal.query', 'state.get', 'state.query'] as const) {
      expect(unitsOf(call(kind, { bytesOut }))).toBe(consistent);
      expect(unitsOf(call(kind, { bytesOut, consistent: false }))).toBe(eventual);
    }
  });

  it('of a page rounds up once, not for each item', () => {
    expect(unitsOf(call('state.query', { bytesOut: 40 * 100, items: 40 }))).toBe(1);
  });
});

it('a request for an object is one, whatever its size', () => {
  expect(unitsOf(call('blobs.put', { outcome: 'stored', bytesIn: 4 * KB * KB }))).toBe(1);
  expect(unitsOf(call('blobs.get', { outcome: 'found', bytesOut: 4 * KB * KB }))).toBe(1);
  expect(unitsOf(call('blobs.getRange', { outcome: 'missing' }))).toBe(1);
  expect(unitsOf(call('blobs.delete'))).toBe(1);
});

it.each([
  [0, 1],
  [1000, 1],
  [1001, 2],
])('a list of %i objects is %i requests', (items, units) => {
  expect(unitsOf(call('blobs.list', { items }))).toBe(units);
});

it.each([
  ['journal.put', 'refused.throttled'],
  ['state.delete', 'refused.stale'],
  ['blobs.put', 'refused.unavailable'],
  ['journal.query', 'error'],
  ['blobs.get', 'error'],
] as const)('a %s with the outcome %s is not billed', (kind, outcome) => {
  expect(unitsOf(call(kind, { outcome, bytesIn: 5 * KB }))).toBe(0);
});

it('names the unit of each kind', () => {
  expect((['journal.delete', 'state.query', 'blobs.getRange', 'blobs.list'] as const).map(unitOf)).toEqual([
    'write',
    'read',
    'get',
    'list',
  ]);
});

import { describe, expect, it } from 'vitest';
import { fitsEntry, nextTier, RateMeter, type Tier } from '../../../lib/journal/tier.ts';

const LIMITS = { inlineMaxBytes: 4_096, lingerMs: 250, writeUnitsPerSecond: 700 };

describe('the tier', () => {
  // 4,096 bytes a flush at 4 flushes a second are 16,384 bytes a second.
  const cases: readonly [Tier, number, number, Tier][] = [
    ['inline', 0, 0, 'inline'],
    ['inline', 16_384, 0, 'inline'],
    ['inline', 16_385, 0, 'wal'],
    ['inline', 0, 700, 'inline'],
    ['inline', 0, 701, 'wal'],
    ['wal', 16_384, 0, 'wal'],
    ['wal', 8_193, 0, 'wal'],
    ['wal', 8_192, 0, 'inline'],
    ['wal', 0, 351, 'wal'],
    ['wal', 0, 350, 'inline'],
    ['wal', 0, 0, 'inline'],
  ];
  it.each(cases)('after %s at %i bytes and %i units a second is %s', (current, bytes, units, expected) => {
    expect(nextTier(current, { bytes, units }, LIMITS)).toBe(expected);
  });

  it('without lingering goes by write units alone', () => {
    expect(nextTier('inline', { bytes: 1e12, units: 0 }, { ...LIMITS, lingerMs: 0 })).toBe('inline');
  });
});

it('a flush fits into an entry up to the bound for the rate', () => {
  const large = { bytes: 1_000, bytesPerSecond: 500 };
  expect(fitsEntry(4_096, { bytes: 1e12 }, LIMITS)).toBe(true);
  expect(fitsEntry(4_097, { bytes: 0 }, LIMITS)).toBe(false);
  expect(fitsEntry(4_096, { bytes: 500 }, { ...LIMITS, large })).toBe(true);
  expect(fitsEntry(1_000, { bytes: 501 }, { ...LIMITS, large })).toBe(true);
  expect(fitsEntry(1_001, { bytes: 501 }, { ...LIMITS, large })).toBe(false);
});

describe('the rate', () => {
  it('comes to what is added in the long run, in bytes and begun kilobytes', () => {
    const meter = new RateMeter();
    for (let now = 0; now < 60_000; now += 10) meter.add(100, now);
    const { bytes, units } = meter.perSecond(60_000);
    expect(bytes).toBeGreaterThan(9_500);
    expect(bytes).toBeLessThan(10_500);
    expect(units).toBeGreaterThan(95);
    expect(units).toBeLessThan(105);
  });

  it('fades when nothing comes, and does not mind a clock that stands still', () => {
    const meter = new RateMeter();
    meter.add(1_000_000, 5_000);
    const before = meter.perSecond(5_000).bytes;
    expect(meter.perSecond(5_000).bytes).toBe(before);
    expect(meter.perSecond(60_000).bytes).toBeLessThan(before / 10_000);
  });
});

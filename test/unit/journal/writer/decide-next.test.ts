import { describe, expect, it } from 'vitest';
import {
  canStillLand,
  judgePut,
  judgeView,
  raceWaitMs,
  retryBounds,
} from '../../../../lib/journal/writer/decide-next.ts';
import type { Item, PutOutcome, RefusedReason } from '../../../../lib/storage/ports.ts';
import { MINUTE } from '../world.ts';

const item = (nonce: string): Item => ({ pk: 'p', sk: 's', version: 1, nonce, body: Buffer.of(1) });
const conflict = (existing: Item | undefined): PutOutcome => ({ kind: 'conflict', existing, storeTime: 1 });
const refused = (reason: RefusedReason): PutOutcome => ({ kind: 'refused', reason, message: 'no' });

describe('the answer to a put', () => {
  it.each([false, true])('tells whose entry is in the slot; unsure: %s', (unsure) => {
    expect(judgePut({ kind: 'committed', storeTime: 1 }, 'mine', unsure)).toEqual({ kind: 'mine' });
    expect(judgePut(conflict(item('mine')), 'mine', unsure)).toEqual({ kind: 'mine' });
    expect(judgePut(conflict(item('other')), 'mine', unsure)).toEqual({ kind: 'taken', item: item('other') });
    expect(judgePut(conflict(undefined), 'mine', unsure)).toEqual({ kind: 'taken', item: undefined });
  });

  it.each([false, true])('that does not come leaves it open; unsure: %s', (unsure) => {
    expect(judgePut({ kind: 'unknown', message: '' }, 'mine', unsure)).toEqual({ kind: 'unsure' });
  });

  it.each<[RefusedReason, string]>([
    ['stale', 'stale'],
    ['expired', 'stale'],
    ['throttled', 'later'],
    ['unavailable', 'later'],
    ['tooLarge', 'tooLarge'],
    ['rejected', 'rejected'],
  ])('that is a refusal (%s) settles a first put, but not one that follows a silent one', (reason, how) => {
    const refusal = { kind: 'refused', how, message: 'no' };
    expect(judgePut(refused(reason), 'mine', false)).toEqual(refusal);
    expect(judgePut(refused(reason), 'mine', true)).toEqual(
      how === 'later' ? { kind: 'unsure' } : { kind: 'look', refusal },
    );
  });
});

describe('a put without an answer', () => {
  it('is settled by what a read finds in its slot', () => {
    expect(judgeView('mine', 5, 5)).toEqual({ kind: 'mine' });
    expect(judgeView('taken', 5, 5)).toEqual({ kind: 'taken', item: undefined });
    expect(judgeView(undefined, 4, 5)).toBeUndefined();
  });

  it('is lost when the view has passed the slot without seeing it', () => {
    expect(judgeView(undefined, 5, 5)).toEqual({ kind: 'lost' });
  });

  it('can land for 16 minutes after its last signature, and always while the times are not known', () => {
    expect(canStillLand(0, 16 * MINUTE)).toBe(true);
    expect(canStillLand(0, 16 * MINUTE + 1)).toBe(false);
    expect(canStillLand(0, Number.NEGATIVE_INFINITY)).toBe(true);
    expect(canStillLand(Number.NaN, 16 * MINUTE + 1)).toBe(true);
  });
});

describe('waits', () => {
  it('after a failure double up to a second', () => {
    expect([0, 1, 6, 7, 50].map(retryBounds)).toEqual([
      { min: 5, max: 10 },
      { min: 10, max: 20 },
      { min: 320, max: 640 },
      { min: 500, max: 1_000 },
      { min: 500, max: 1_000 },
    ]);
  });

  it('after a lost race grow with the races, then shrink for a writer that has lost often', () => {
    const waits = [1, 2, 3, 4, 5, 6, 8, 12, 50].map((losses) => raceWaitMs(losses, 20));
    expect(waits).toEqual([0, 10, 20, 40, 80, 40, 20, 10, 10]);
  });

  it('after a lost race are a second at most', () => {
    expect(raceWaitMs(5, 60_000)).toBe(1_000);
  });
});

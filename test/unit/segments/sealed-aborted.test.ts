import { beforeEach, describe, expect, it } from 'vitest';
import type { AbortedRange } from '../../../lib/journal/view.ts';
import { contentOf, type Step } from './format/contents.ts';
import { History, TOPIC } from './history.ts';

const T0 = 1_700_000_000_000;
const data = (producer?: number): Step => ({
  kind: 'data',
  timestamps: [T0],
  valueBytes: 9,
  ...(producer !== undefined && { producer }),
});
const marker = (producer: number, type: 'commit' | 'abort' = 'abort'): Step => ({
  kind: 'marker',
  producer,
  type,
  timestamp: T0,
});

let history: History;

beforeEach(() => {
  history = new History();
});

type Range = Omit<AbortedRange, 'lastStableOffset'>;

/** Segments of these many steps each, of one log, as earlier programs wrote their items. */
function segments(steps: readonly Step[], ...counts: readonly number[]): Range[] {
  return add(steps, counts, false);
}

/** Segments whose items say which aborted transactions are known. */
function knowingSegments(steps: readonly Step[], ...counts: readonly number[]): Range[] {
  return add(steps, counts, true);
}

function add(steps: readonly Step[], counts: readonly number[], isKnown: boolean): Range[] {
  const whole = contentOf(steps);
  let next = 0;
  for (const count of counts) {
    const end = next + count;
    const aborted = whole.aborted.filter(({ lastOffset }) => lastOffset >= next && lastOffset < end);
    const batches = whole.batches.slice(next, end);
    const later = whole.aborted.filter(({ lastOffset }) => lastOffset >= end);
    const abortsKnownTo = Math.min(end, ...later.map(({ firstOffset }) => firstOffset));
    history.add({ ...whole, baseOffset: next, nextOffset: end, batches, aborted }, isKnown ? { abortsKnownTo } : {});
    next = end;
  }
  expect(next).toBe(steps.length);
  return whole.aborted.map(({ producerId, firstOffset, lastOffset }) => ({ producerId, firstOffset, lastOffset }));
}

const find = async (from: number, until: number, reader = history.reader(), to = history.end) => {
  const found = await reader.aborted(TOPIC, 0, { from, until, to });
  return found.map(({ producerId, firstOffset, lastOffset }) => ({ producerId, firstOffset, lastOffset }));
};

describe('aborted transactions of sealed history', () => {
  it('are those that overlap the records, wherever they end', async () => {
    const steps = [data(1), data(2), marker(1), data(3), marker(3, 'commit'), data(), marker(2), data(4), marker(4)];
    const all = segments(steps, 2, 2, 1, 3, 1);
    expect(all).toHaveLength(3);
    for (let from = 0; from < steps.length; from++) {
      for (let until = from + 1; until <= steps.length; until++) {
        const expected = all.filter((one) => one.lastOffset >= from && one.firstOffset < until);
        expect(await find(from, until), `${from} to ${until}`).toEqual(expected);
      }
    }
  });

  it('need no GET where nothing was aborted, and the items of later segments once only', async () => {
    const steps = Array.from({ length: 100 }, () => data());
    segments(steps, ...steps.map(() => 1));
    const reader = history.reader();
    expect(await find(20, 22, reader)).toEqual([]);
    expect([history.finds, history.lists, history.gets.length]).toEqual([2, 2, 0]);
    expect(await find(30, 31, reader)).toEqual([]);
    expect(await find(20, 100, reader)).toEqual([]);
    expect([history.finds, history.lists, history.gets.length]).toEqual([2, 2, 0]);
    expect(await find(19, 20, reader)).toEqual([]);
    expect([history.finds, history.lists, history.gets.length]).toEqual([3, 2, 0]);
  });

  it('need no look behind a segment that knows all of them', async () => {
    const steps = Array.from({ length: 100 }, () => data());
    knowingSegments(steps, ...steps.map(() => 1));
    // The segments that were just read are in the cache.
    expect(await find(20, 22)).toEqual([]);
    expect([history.finds, history.lists, history.gets.length]).toEqual([2, 0, 0]);
  });

  it('are looked for until a segment knows them, if a transaction was open at the end of the range', async () => {
    const later = Array.from({ length: 40 }, () => data());
    const steps = [data(1), data(), ...later, marker(1), ...later];
    const [aborted] = knowingSegments(steps, ...steps.map(() => 1));
    expect(await find(0, 1)).toEqual([aborted]);
    // Pages of 16 segments and of the rest, and the one index with the marker.
    expect([history.finds, history.lists, history.gets.length]).toEqual([1, 2, 1]);
  });

  it('are the same by items that know them', async () => {
    const steps = [data(1), data(2), marker(1), data(3), marker(3, 'commit'), data(), marker(2), data(4), marker(4)];
    const all = knowingSegments(steps, 2, 2, 1, 3, 1);
    for (let from = 0; from < steps.length; from++) {
      for (let until = from + 1; until <= steps.length; until++) {
        const expected = all.filter((one) => one.lastOffset >= from && one.firstOffset < until);
        expect(await find(from, until), `${from} to ${until}`).toEqual(expected);
      }
    }
  });

  it('are complete once a marker shows that no transaction was open', async () => {
    const steps = [data(1), marker(1), data(2), marker(2), ...Array.from({ length: 40 }, () => data())];
    const [first, second] = segments(steps, 2, 2, ...Array.from({ length: 40 }, () => 1));
    expect(await find(0, 1)).toEqual([first]);
    expect([history.finds, history.lists, history.gets.length]).toEqual([1, 0, 1]);
    expect(await find(2, 3)).toEqual([second]);
    expect([history.finds, history.lists, history.gets.length]).toEqual([2, 0, 2]);
  });

  it('are taken once where segments overlap while they are replaced', async () => {
    const steps = [data(1), data(2), marker(1), marker(2), data(3), marker(3)];
    const all = segments(steps, 3, 3);
    const whole = contentOf(steps);
    history.add({ ...whole, baseOffset: 2, nextOffset: 6, batches: whole.batches.slice(2), aborted: whole.aborted });
    history.parts.splice(1, 1);
    expect(await find(0, 6)).toEqual(all);
  });

  it('are an error where a segment is missing', async () => {
    segments([data(1), data(), data(), marker(1)], 1, 1, 1, 1);
    history.parts.splice(2, 1);
    await expect(find(0, 1)).rejects.toThrow('no segment holds offset 2 of partition topic/0');
    history.parts.splice(1);
    await expect(find(0, 1, history.reader(), 4)).rejects.toThrow('no segment holds offset 1 of partition topic/0');
  });
});

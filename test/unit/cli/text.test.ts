import { describe, expect, it } from 'vitest';
import { parseSpan, parseTimeSpan, parseTimestamp } from '../../../lib/cli/consume/start.ts';
import { parseDuration } from '../../../lib/cli/duration.ts';
import { unescapeBytes } from '../../../lib/cli/escapes.ts';
import { progressLine, showProgress } from '../../../lib/cli/terminal/progress.ts';
import { counted, showBytes, showDuration, table } from '../../../lib/cli/terminal/text.ts';
import { systemClock } from '../../../lib/core/clock.ts';

describe('what people write', () => {
  const NOW = Date.UTC(2026, 10, 20, 12);
  const HOUR = 3_600_000;
  const at = (timestamp: number) => ({ kind: 'timestamp', timestamp });
  const offset = (value: number) => ({ kind: 'offset', offset: value });

  it.each([
    ['earliest', { start: { kind: 'earliest' } }],
    ['beginning', { start: { kind: 'earliest' } }],
    ['start', { start: { kind: 'earliest' } }],
    ['end', { start: { kind: 'latest' } }],
    ['12', { start: offset(12) }],
    ['+12', { start: { kind: 'afterStart', count: 12 } }],
    ['-3', { start: { kind: 'beforeEnd', count: 3 } }],
    ['10:20', { start: offset(10), end: offset(20) }],
    ['10:', { start: offset(10) }],
    [':20', { start: { kind: 'earliest' }, end: offset(20) }],
    ['-10:end', { start: { kind: 'beforeEnd', count: 10 }, end: { kind: 'latest' } }],
    ['+1:-1', { start: { kind: 'afterStart', count: 1 }, end: { kind: 'beforeEnd', count: 1 } }],
    ['@1700000000000', { start: at(1_700_000_000_000) }],
    ['@-1h', { start: at(NOW - HOUR) }],
    ['@-2h:-1h', { start: at(NOW - 2 * HOUR), end: at(NOW - HOUR) }],
    ['@-2h:@-1h', { start: at(NOW - 2 * HOUR), end: at(NOW - HOUR) }],
    ['@-2h:end', { start: at(NOW - 2 * HOUR), end: { kind: 'latest' } }],
    ['@2026-11-20T10:00:00Z:2026-11-20T11:30:00Z', { start: at(NOW - 2 * HOUR), end: at(NOW - HOUR / 2) }],
    ['5:@-1h', { start: offset(5), end: at(NOW - HOUR) }],
    ['1.5', undefined],
    ['', undefined],
    [':', undefined],
    ['1:2:3', undefined],
    ['@', undefined],
    ['@noon', undefined],
    ['99999999999999999999', undefined],
  ])('the offsets %j', (text, span) => {
    expect(parseSpan(text, NOW)).toEqual(span);
  });

  it.each([
    ['-1h', { start: at(NOW - HOUR) }],
    ['-1h30m', { start: at(NOW - 1.5 * HOUR) }],
    ['-7d', { start: at(NOW - 7 * 24 * HOUR) }],
    ['-2h:-1h', { start: at(NOW - 2 * HOUR), end: at(NOW - HOUR) }],
    ['2026-11-20T10:00:00Z:-1h', { start: at(NOW - 2 * HOUR), end: at(NOW - HOUR) }],
    ['2026-11-20T10:00:00Z', { start: at(NOW - 2 * HOUR) }],
    [':1700000000000', { start: { kind: 'earliest' }, end: at(1_700_000_000_000) }],
    ['-5', undefined],
    ['-1y', undefined],
    ['earliest', undefined],
    ['@-1h', undefined],
  ])('the times %j', (text, span) => {
    expect(parseTimeSpan(text, NOW)).toEqual(span);
  });

  it.each([
    ['1700000000000', 1_700_000_000_000],
    ['2026-11-20T12:00:00Z', Date.UTC(2026, 10, 20, 12)],
    ['2026-11-20T12:00:00.5+01:00', Date.UTC(2026, 10, 20, 11) + 500],
    ['2026-11-20', Date.UTC(2026, 10, 20)],
    ['2026-13-40', undefined],
    ['noon', undefined],
    ['-5', undefined],
  ])('the time %j', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });

  it.each([
    ['500', 500],
    ['500ms', 500],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['0', undefined],
    ['-1s', undefined],
    ['1d', undefined],
    ['1000h', undefined],
  ])('the duration %j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it('escapes', () => {
    expect(unescapeBytes('a\\n\\r\\t\\0\\\\\\xfFü')).toEqual(
      Buffer.concat([Buffer.from('a\n\r\t\0\\'), Buffer.of(0xff), Buffer.from('ü')]),
    );
    for (const wrong of ['\\q', '\\', '\\x1', '\\xgg']) expect(unescapeBytes(wrong)).toBeUndefined();
  });
});

describe('what people read', () => {
  it('counts, sizes and durations', () => {
    expect([counted(1, 'record'), counted(1_234_567, 'record')]).toEqual(['1 record', '1,234,567 records']);
    expect([0, 999, 1000, 999_949, 999_950, 2.5e12].map(showBytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '999.9 kB',
      '1.0 MB',
      '2.5 TB',
    ]);
    expect([0, 9940, 9960, 59_400, 59_600, 185_000, 7_380_000].map(showDuration)).toEqual([
      '0.0 s',
      '9.9 s',
      '10 s',
      '59 s',
      '1 min 00 s',
      '3 min 05 s',
      '2 h 03 min',
    ]);
  });

  it('tables with numbers to the right', () => {
    const rows = [
      ['a', 5],
      ['long', 123],
    ];
    expect(table(['NAME', 'N'], rows)).toBe('NAME    N\na       5\nlong  123\n');
    expect(table(['NAME', 'N'], [])).toBe('NAME  N\n');
  });

  it('progress that fits the terminal', () => {
    const standing = { records: 5000, bytes: 2_000_000, done: 2_000_000, total: 8_000_000, elapsedMs: 1000 };
    expect(progressLine(standing, 80)).toBe('25 %  5,000 records  2.0 MB  2.0 MB/s  3.0 s left');
    expect(progressLine({ ...standing, total: undefined }, 80)).toBe('5,000 records  2.0 MB  2.0 MB/s');
    expect(progressLine({ ...standing, done: 9_000_000 }, 80)).toBe('100 %  5,000 records  2.0 MB  2.0 MB/s');
    expect(progressLine({ ...standing, done: 0, elapsedMs: 0, bytes: 0 }, 80)).toBe('0 %  5,000 records  0 B  0 B/s');
    expect(progressLine(standing, 20)).toHaveLength(19);
  });

  it('no progress without a terminal', () => {
    const io = {
      out: () => {},
      err: () => {},
      environment: {},
      onStopSignal: () => () => {},
      exit: () => {},
    };
    let timers = 0;
    const clock = { ...systemClock, setTimer: () => () => void timers++ };
    const standing = () => ({ records: 0, bytes: 0, done: 0, total: 1, elapsedMs: 0 });
    showProgress(io, clock, standing)();
    expect(timers).toBe(0);
    showProgress({ ...io, errTerminal: { columns: 80 } }, clock, standing)();
    expect(timers).toBe(1);
  });
});

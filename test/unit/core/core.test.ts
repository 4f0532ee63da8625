import { describe, expect, it } from 'vitest';
import { AssertionError, assert, unreachable } from '../../../lib/core/assert.ts';
import { ByteReader, ByteWriter, MalformedBytesError } from '../../../lib/core/bytes.ts';
import { sleep, systemClock } from '../../../lib/core/clock.ts';
import { ERROR_CODES, errorCode, errorName } from '../../../lib/core/errors.ts';
import { jsonLogger } from '../../../lib/core/logger.ts';
import { type Random, randomInt, systemRandom } from '../../../lib/core/random.ts';
import { randomUuid, ZERO_UUID } from '../../../lib/core/uuid.ts';
import { VERSION } from '../../../lib/core/version.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

describe('bytes', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [2 ** 53 - 1, 'ffffffffffffff0f'],
  ])('of %d are %s', (value, hex) => {
    const writer = new ByteWriter(0);
    writer.uint(value);
    expect(writer.finish().toString('hex')).toBe(hex);
  });

  it.each([-1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('of %d are not written', (value) => {
    expect(() => new ByteWriter().uint(value)).toThrow(AssertionError);
  });

  it.each([
    [2 ** 53 - 1, 2 ** 52 - 1],
    [-(2 ** 53), -(2 ** 52)],
    [2 ** 63, 2 ** 52 - 1],
  ])('of the signed %d are those of its nearest bound', (value, bound) => {
    const writer = new ByteWriter();
    writer.int(value);
    expect(new ByteReader(writer.finish()).int()).toBe(bound);
  });

  it.each([
    ['nothing', '', (reader: ByteReader) => reader.u8()],
    ['half a number', '80', (reader: ByteReader) => reader.uint()],
    ['a number of nine bytes', '808080808080808001', (reader: ByteReader) => reader.uint()],
    ['2^53', '8080808080808010', (reader: ByteReader) => reader.uint()],
    ['a text that is too short', '05616263', (reader: ByteReader) => reader.string()],
    ['a length beyond all memory', 'ffffffffffffff0f00', (reader: ByteReader) => reader.bytes()],
  ])('that are %s are malformed', (_, hex, read) => {
    expect(() => read(new ByteReader(Buffer.from(hex, 'hex')))).toThrow(MalformedBytesError);
  });
});

describe('sleep', () => {
  it('ends in time, or with the signal, and leaves nothing behind', async () => {
    const clock = new VirtualClock();
    const { signal, abort } = aborter();
    let awake = 0;
    const note = () => {
      awake += 1;
    };
    void sleep(clock, 100, signal).then(note);
    void sleep(clock, 200, signal).then(note);
    void sleep(clock, 300).then(note);
    await clock.advance(100);
    expect(awake).toBe(1);
    abort();
    await clock.advance(0);
    expect([awake, clock.pendingTimers]).toEqual([2, 1]);
    await sleep(clock, 1_000, signal);
    expect(clock.pendingTimers).toBe(1);
  });
});

function aborter(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

describe('the system clock', () => {
  it('fires no timer early, also where Node would leave a fraction of a millisecond out', async () => {
    for (let round = 0; round < 20; round++) {
      const setAt = performance.now();
      await new Promise<void>((resolve) => systemClock.setTimer(4.9, resolve));
      expect(performance.now() - setAt).toBeGreaterThanOrEqual(4.9);
    }
  });

  it('cancels a timer, also one that Node could not count', async () => {
    let fired = 0;
    for (const delayMs of [0, 1, 2 ** 40, Number.POSITIVE_INFINITY]) systemClock.setTimer(delayMs, () => fired++)();
    await new Promise<void>((resolve) => systemClock.setTimer(5, resolve));
    expect(fired).toBe(0);
  });
});

describe('uuids', () => {
  it('are of version 4, 22 characters, and begin with no dash', () => {
    const random = seededRandom(3);
    const seen = new Set(Array.from({ length: 500 }, () => randomUuid(random)));
    expect(seen.size).toBe(500);
    for (const uuid of seen) {
      expect(uuid).toMatch(/^[A-Za-z0-9_][\w-]{21}$/);
      const bytes = Buffer.from(uuid, 'base64url');
      expect([bytes.length, bytes[6]! >> 4, bytes[8]! >> 6]).toEqual([16, 4, 2]);
    }
    expect(Buffer.from(ZERO_UUID, 'base64url')).toEqual(Buffer.alloc(16));
  });
});

describe('random numbers', () => {
  const sample = (random: Random) => [random.next(), random.bytes(8).toString('hex'), randomInt(random, 5, 9)];

  it('of one seed are always the same, of two seeds are not', () => {
    expect(sample(seededRandom(1))).toEqual(sample(seededRandom(1)));
    const seeds = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 33, -1];
    expect(new Set(seeds.map((seed) => seededRandom(seed).next())).size).toBe(seeds.length);
  });

  it.each([
    ['seeded', seededRandom(9)],
    ['system', systemRandom],
  ])('of the %s kind are spread over their range', (_, random) => {
    const counts = new Map<number, number>();
    for (let index = 0; index < 3_000; index++) {
      const value = randomInt(random, 2, 5);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([2, 3, 4]);
    for (const count of counts.values()) expect(count).toBeGreaterThan(800);
    expect(random.bytes(100)).toHaveLength(100);
  });
});

describe('errors', () => {
  it('have one number each, and one name for each number', () => {
    const codes = Object.values(ERROR_CODES);
    expect(new Set(codes).size).toBe(codes.length);
    for (const [name, code] of Object.entries(ERROR_CODES)) expect(errorName(code)).toBe(name);
    expect(errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER')).toBe(45);
    expect(errorName(9_999)).toBeUndefined();
  });
});

describe('small things', () => {
  it('assertions hold or throw', () => {
    assert(true, 'fine');
    expect(() => assert(0, 'broken')).toThrow(new AssertionError('broken'));
    expect(() => unreachable('x' as never)).toThrow('unreachable: "x"');
  });

  it('lines below the level are not written', () => {
    const lines: string[] = [];
    const logger = jsonLogger(new VirtualClock(0), 'warn', (line) => lines.push(line));
    logger.log('info', { event: 'quiet' });
    logger.log('warn', { event: 'loud', errorCode: 3 });
    expect(lines).toEqual(['{"time":"1970-01-01T00:00:00.000Z","level":"warn","event":"loud","errorCode":3}\n']);
  });
});

describe('the version', () => {
  it('is that of the package', () => {
    expect(VERSION).toBe(packageJson.version);
  });
});

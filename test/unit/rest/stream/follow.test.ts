import { beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../../lib/core/context.ts';
import { Turns } from '../../../../lib/kit/turns.ts';
import type { FetchResult, FetchTerms, PartitionToFetch } from '../../../../lib/log/fetch.ts';
import type { RestEnvironment } from '../../../../lib/rest/environment.ts';
import { END_BEFORE_MS, follow, QUIET_MS_MAX } from '../../../../lib/rest/stream/follow.ts';
import { followPartitions } from '../../../../lib/rest/stream/following.ts';
import { StoreUnavailableError } from '../../../../lib/storage/ports.ts';
import { EventParser } from '../../../support/event-stream.ts';
import { batchOf } from '../../../support/requests.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const TOPIC = { name: 'orders', id: 'o7Zr3v1cQ2mX0a-_9KbLdw' };

let clock: VirtualClock;
let parser: EventParser;
let ended: boolean;
let asked: (readonly PartitionToFetch[])[];
/** What the log answers; without one it waits as long as it is asked to. */
let answer: (asked: readonly PartitionToFetch[]) => readonly (readonly Buffer[])[] | undefined;

beforeEach(() => {
  clock = new VirtualClock();
  parser = new EventParser();
  ended = false;
  asked = [];
  answer = () => undefined;
});

function environment(): RestEnvironment {
  const log = {
    async fetch(_: RequestContext, partitions: readonly PartitionToFetch[], terms: FetchTerms): Promise<FetchResult> {
      asked.push(partitions);
      const batches = answer(partitions);
      if (batches === undefined) await new Promise<void>((resolve) => clock.setTimer(terms.maxWaitMs, resolve));
      const outcomes = partitions.map((_one, at) => {
        const bounds = { highWatermark: 0, lastStableOffset: 0, logStartOffset: 0, aborted: undefined };
        const fetched = { error: 'NONE' as const, ...bounds, batches: batches?.[at] ?? [], size: 0, readable: 0 };
        return { kind: 'read' as const, fetched };
      });
      return { kind: 'fetched', outcomes };
    },
  };
  const topics = { getById: async () => ({ record: { partitions: 2 } }) };
  const logger = { log: () => {} };
  return { clock, logger, turns: new Turns(clock), log, admin: { topics } } as unknown as RestEnvironment;
}

/** Reads all of a stream, as fast as it comes. */
function run(deadline = Number.POSITIVE_INFINITY, answersWhole = false): void {
  const rest = environment();
  const positions = new Map([
    [0, 0],
    [1, 0],
  ]);
  const context = {
    principal: 'User:ANONYMOUS' as const,
    clientId: '',
    host: '',
    listener: '',
    deadline,
    signal: new AbortController().signal,
  };
  const terms = { context, isolation: 'read_uncommitted', format: 'AUTO', answersWhole } as const;
  void (async () => {
    for await (const text of follow(rest, followPartitions(rest, TOPIC, positions, true), terms)) parser.push(text);
    ended = true;
  })();
}

const values = () => parser.events.map(({ data }) => data.value.data);

describe('a stream', () => {
  it('tells that it is alive while no records come', async () => {
    run();
    await clock.advance(QUIET_MS_MAX - 1);
    expect(parser.comments).toBe(0);
    await clock.advance(3 * QUIET_MS_MAX);
    expect(parser.comments).toBeGreaterThanOrEqual(2);
    expect(parser.events).toEqual([]);
    expect(parser.lastId).toBe(`${TOPIC.id}/0=0,1=0`);
  });

  it('ends before its deadline', async () => {
    run(60_000);
    await clock.advance(60_000 - END_BEFORE_MS - 1);
    expect(ended).toBe(false);
    await clock.advance(1);
    expect(ended).toBe(true);
  });

  it('ends behind its first records where the answer goes out as a whole', async () => {
    answer = () => (asked.length === 1 ? [[], []] : [[batchOf(['a'], { baseOffset: 0 })], []]);
    run(Number.POSITIVE_INFINITY, true);
    await clock.advance(1_000);
    expect([values(), ended]).toEqual([['a'], true]);
    expect(parser.lastId).toBe(`${TOPIC.id}/0=0,1=1`);
  });

  it('goes on where it was when the store answers again', async () => {
    answer = (partitions) => {
      if (asked.length === 1) return [[batchOf(['a'], { baseOffset: 0 })], []];
      if (asked.length < 5) throw new StoreUnavailableError('the store does not answer');
      const [first] = partitions;
      return asked.length === 5 ? [[batchOf(['b'], { baseOffset: first!.partition === 0 ? 1 : 0 })], []] : undefined;
    };
    run();
    await clock.advance(10_000);
    expect(values()).toEqual(['a', 'b']);
    expect(ended).toBe(false);
  });

  it('asks for each partition first in turn', async () => {
    answer = () => (asked.length < 5 ? [[], []] : undefined);
    run();
    await clock.advance(1_000);
    expect(asked.slice(0, 4).map(([first]) => first!.partition)).toEqual([0, 1, 0, 1]);
  });

  it('says that a batch cannot be read, and ends before it', async () => {
    const broken = batchOf(['b'], { baseOffset: 1 });
    // More records than there are.
    broken.writeInt32BE(7, 57);
    answer = () => [[batchOf(['a'], { baseOffset: 0 }), broken], []];
    run();
    await clock.advance(1_000);
    expect(parser.events.map(({ name }) => name)).toEqual(['message', 'message', 'failure']);
    expect(parser.events.at(-1)!.data).toEqual({ error_code: 50003, message: expect.any(String) });
    expect(ended).toBe(true);
  });

  it('skips records before its place: a batch may begin earlier', async () => {
    answer = () => (asked.length === 1 ? [[batchOf(['a', 'b'], { baseOffset: 0 })], []] : undefined);
    run();
    await clock.advance(1_000);
    answer = () => (asked.length === 3 ? [[], [batchOf(['c'], { baseOffset: 0 })]] : undefined);
    await clock.advance(10_000);
    expect(values().slice(0, 2)).toEqual(['a', 'b']);
  });
});

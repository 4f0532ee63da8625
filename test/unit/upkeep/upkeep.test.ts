import { beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../../lib/core/clock.ts';
import type { Random } from '../../../lib/core/random.ts';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { encodeUpkeepCursor, upkeepCursorSk } from '../../../lib/storage/items/upkeep-cursor.ts';
import {
  encodeUpkeepRunner,
  SEAL_RUNNER_SK,
  UPKEEP_PK,
  UPKEEP_RUNNER_SK,
} from '../../../lib/storage/items/upkeep-runner.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import type { UpkeepJob } from '../../../lib/upkeep/job.ts';
import { type RoundOutcome, Upkeep } from '../../../lib/upkeep/upkeep.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const T0 = 1_700_000_000_000;

let clock: VirtualClock;
let random: Random;
let stores: MemoryStores;
let lines: { level: string; event?: unknown }[];

beforeEach(() => {
  clock = new VirtualClock(T0);
  random = seededRandom(1);
  stores = memoryStores({ clock, random });
  lines = [];
});

/** A process of the deployment. */
function processWith(...jobs: UpkeepJob[]): Upkeep {
  return processOf(jobs);
}

function processOf(jobs: UpkeepJob[], runnerSk?: string): Upkeep {
  const logger = { log: (level: string, fields: object) => lines.push({ level, ...fields }) };
  const { state } = stores.client();
  return new Upkeep({ state, clock, random, logger, unreadable: new UnreadableItems(logger) }, jobs, runnerSk);
}

/** A job over the items 0 to `count` - 1, each of which takes a second. Tells what it did in `done`. */
function counting(name: string, count: number, done: number[]): UpkeepJob {
  return {
    name,
    async step(cursor, deadline) {
      let looked = 0;
      for (let item = Number(cursor ?? 0); item < count; item++) {
        if (clock.monotonic() >= deadline) return { cursor: String(item), isComplete: false, counts: { looked } };
        await sleep(clock, 1_000);
        done.push(item);
        looked++;
      }
      return { cursor: undefined, isComplete: true, counts: { looked } };
    },
  };
}

const failing = (name: string, error: unknown): UpkeepJob => ({ name, step: () => Promise.reject(error) });

/** One round of each process, at the same time, to its end. */
async function rounds(upkeeps: readonly Upkeep[], forMs = 5 * MINUTE_MS): Promise<RoundOutcome[]> {
  const deadline = clock.monotonic() + forMs;
  let outcomes: RoundOutcome[] | undefined;
  void Promise.all(upkeeps.map((upkeep) => upkeep.round({ deadline, everyMs: HOUR_MS }))).then((all) => {
    outcomes = all;
  });
  expect(await clock.runUntil(() => outcomes !== undefined, 10 * MINUTE_MS)).toBe(true);
  return outcomes!;
}

const round = async (upkeep: Upkeep, forMs?: number) => (await rounds([upkeep], forMs))[0]!;

/** Begins a round in a process that dies in it. */
function beginRound(upkeep: Upkeep): void {
  void upkeep.round({ deadline: clock.monotonic() + 5 * MINUTE_MS, everyMs: HOUR_MS });
}

const upTo = (count: number) => Array.from({ length: count }, (_, item) => item);

describe('a job', () => {
  it('goes on where the round before stopped, in whatever process', async () => {
    const done: number[] = [];
    const first = await round(processWith(counting('a', 100, done)), 40_000);
    expect(first).toMatchObject({ kind: 'ran', isComplete: false, jobs: { a: { looked: 40, isComplete: false } } });
    const second = await round(processWith(counting('a', 100, done)), 2 * MINUTE_MS);
    expect(second).toMatchObject({ kind: 'ran', isComplete: true, jobs: { a: { looked: 60, isComplete: true } } });
    expect(done).toEqual(upTo(100));
    await clock.advance(HOUR_MS);
    await round(processWith(counting('a', 100, done)), 2 * MINUTE_MS);
    expect(done).toEqual([...upTo(100), ...upTo(100)]);
  });

  it('keeps its cursor while it works, for when its process dies', async () => {
    const done: number[] = [];
    const job = counting('a', 200, done);
    const dying: UpkeepJob = {
      name: 'a',
      step: async (cursor, deadline) =>
        Number(cursor ?? 0) < 60 ? job.step(cursor, deadline) : new Promise(() => undefined),
    };
    beginRound(processWith(dying));
    await clock.runUntil(() => done.length >= 60, 10 * MINUTE_MS);
    await clock.advance(10 * MINUTE_MS);
    await round(processWith(counting('a', 200, done)));
    expect(done).toEqual(upTo(200));
  });

  it.each([
    ['the store', new StoreUnavailableError('gone'), 'warn', 'gone'],
    ['a bug', new TypeError('no function'), 'error', undefined],
  ])('that fails for %s stops no other one', async (_, error, level, unavailable) => {
    const done: number[] = [];
    const outcome = await round(processWith(failing('a', error), counting('b', 3, done)));
    expect(done).toEqual([0, 1, 2]);
    expect(outcome).toMatchObject({
      kind: 'ran',
      isComplete: false,
      unavailable,
      jobs: { a: { isComplete: false, failed: (error as Error).message }, b: { looked: 3, isComplete: true } },
    });
    expect(lines).toMatchObject([{ level, event: 'upkeep_job_failed', job: 'a' }]);
  });

  it('that has more to do than there is time leaves the others their share', async () => {
    const done: number[] = [];
    await round(processWith(counting('a', 10_000, []), counting('b', 30, done)), 2 * MINUTE_MS);
    expect(done).toEqual(upTo(30));
  });

  it('whose cursor a newer program wrote is passed over, and that is logged once', async () => {
    const body = Buffer.concat([Buffer.of(9), encodeUpkeepCursor({ cursor: 'x' }).subarray(1)]);
    await stores.state.put(
      { pk: UPKEEP_PK, sk: upkeepCursorSk('a'), version: 1, nonce: 'n', body },
      { kind: 'absent' },
    );
    const [a, b]: number[][] = [[], []];
    const upkeep = processWith(counting('a', 3, a!), counting('b', 3, b!));
    await round(upkeep);
    // A round that did not get to every end is not one that was done lately.
    await round(upkeep);
    expect([a, b]).toEqual([[], [0, 1, 2, 0, 1, 2]]);
    expect(lines).toMatchObject([{ level: 'warn', event: 'item_passed_over', item: 'upkeep/cursor/a' }]);
  });
});

describe('of the processes of a deployment', () => {
  it('one does a round at a time', async () => {
    const done: number[] = [];
    const outcomes = await rounds([0, 1, 2].map(() => processWith(counting('a', 10, done))));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['ran', 'skipped', 'skipped']);
    expect(done).toEqual(upTo(10));
  });

  it('others may do other jobs at the same time, under a claim of their own', async () => {
    const done: number[] = [];
    const others: number[] = [];
    const outcomes = await rounds([
      processOf([counting('a', 3, done)]),
      processOf([counting('b', 3, others)], SEAL_RUNNER_SK),
    ]);
    expect(outcomes).toMatchObject([{ kind: 'ran' }, { kind: 'ran' }]);
    expect([done, others]).toEqual([upTo(3), upTo(3)]);
  });

  it('none does what was done within the hour', async () => {
    const done: number[] = [];
    expect(await round(processWith(counting('a', 2, done)))).toMatchObject({ kind: 'ran' });
    await clock.advance(HOUR_MS / 2);
    expect(await round(processWith(counting('a', 2, done)))).toEqual({ kind: 'skipped', why: 'it was done lately' });
    await clock.advance(HOUR_MS / 2);
    expect(await round(processWith(counting('a', 2, done)))).toMatchObject({ kind: 'ran' });
    expect(done).toEqual([0, 1, 0, 1]);
  });

  it('another one does it once the one that did it has died', async () => {
    beginRound(processWith({ name: 'a', step: () => new Promise(() => undefined) }));
    await clock.advance(MINUTE_MS);
    const done: number[] = [];
    expect(await round(processWith(counting('a', 2, done)))).toEqual({
      kind: 'skipped',
      why: 'another process does it',
    });
    await clock.advance(5 * MINUTE_MS);
    expect(await round(processWith(counting('a', 2, done)))).toMatchObject({ kind: 'ran' });
  });

  it('one does it where times are stored that are still to come, as after a clock that was wrong', async () => {
    const stored = [
      { holder: 'x', until: 0, completedAt: T0 + 1_000 * HOUR_MS },
      { holder: 'x', until: T0 + 1_000 * HOUR_MS, completedAt: 0 },
    ];
    for (const runner of stored) {
      stores = memoryStores({ clock, random });
      const item = { pk: UPKEEP_PK, sk: UPKEEP_RUNNER_SK, version: 1, nonce: 'n', body: encodeUpkeepRunner(runner) };
      await stores.state.put(item, { kind: 'absent' });
      const done: number[] = [];
      expect(await round(processWith(counting('a', 2, done)))).toMatchObject({ kind: 'ran' });
      expect(done).toEqual([0, 1]);
    }
  });

  it('an older one leaves it to a newer one', async () => {
    const body = Buffer.concat([
      Buffer.of(9),
      encodeUpkeepRunner({ holder: 'x', until: 0, completedAt: 0 }).subarray(1),
    ]);
    await stores.state.put({ pk: UPKEEP_PK, sk: UPKEEP_RUNNER_SK, version: 1, nonce: 'n', body }, { kind: 'absent' });
    const done: number[] = [];
    expect(await round(processWith(counting('a', 2, done)))).toMatchObject({ kind: 'skipped' });
    expect(done).toEqual([]);
  });
});

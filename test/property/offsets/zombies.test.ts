import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offsetsPk } from '../../../lib/storage/items/committed-offsets.ts';
import type { StoreCall } from '../../../lib/storage/memory/faults.ts';
import { runs } from '../../support/runs.ts';
import {
  at,
  commitOf,
  context,
  fetchOf,
  GROUP,
  member,
  NOBODY,
  type OffsetsProcess,
  offsetsWorld,
  T0,
  type TestGroup,
} from '../../unit/offsets/world.ts';

/** Partitions of one block, so that all that happens meets in one item. */
const PARTITIONS = [0, 1];
const PROCESSES = 3;

/** Commits are numbered: the generation in thousands, then a count within it. */
const PER_GENERATION = 1_000;
const generationOf = (offset: number) => Math.floor(offset / PER_GENERATION);

type Action =
  | { readonly kind: 'commit'; readonly process: number; readonly behind: number; readonly partition: number }
  | { readonly kind: 'fetch'; readonly process: number; readonly partition: number; readonly named: boolean }
  | { readonly kind: 'rebalance'; readonly partition: number }
  | { readonly kind: 'kill'; readonly process: number; readonly afterCalls: number }
  | { readonly kind: 'wait'; readonly ms: number };

const process = fc.nat(PROCESSES - 1);
const partition = fc.constantFrom(...PARTITIONS);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('commit' as const), process, behind: fc.nat(2), partition }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('fetch' as const), process, partition, named: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rebalance' as const), partition }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), process, afterCalls: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(60) }) },
);

/** What a member was told of a partition's offset, and when (by order of events). */
interface Shown {
  readonly partition: number;
  /** That of the reader, in a consumer group the one at which it was given the partition. */
  readonly generation: number;
  readonly offset: number;
  /** How many times the item had been written when the answer came. */
  readonly writes: number;
}

/**
 * Runs the actions without waiting for one another, over a store that delays, loses and repeats, with processes that
 * are killed between any two of their calls. `classic`: all members have the group's generation; otherwise each partition's owner
 * got it at an epoch of its own, and members go on under their epochs.
 */
async function play(actions: readonly Action[], seed: number, classic: boolean) {
  const world = offsetsWorld(seed);
  let delays = seed;
  const fault = () => {
    delays = (Math.imul(delays, 1_103_515_245) + 12_345) >>> 0;
    const draw = (delays >>> 8) % 100;
    if (draw < 6) return { loseAnswer: true };
    if (draw < 12) return { landAfterMs: (delays >>> 16) % 400 };
    return { delayBeforeMs: (delays >>> 16) % 40, delayAfterMs: (delays >>> 4) % 20 };
  };
  const processes: OffsetsProcess[] = [];
  const callsLeft: number[] = [];
  const start = (index: number) => {
    const made = world.process();
    callsLeft[index] = Number.POSITIVE_INFINITY;
    made.faults = (call: StoreCall) => {
      // A killed process hears of nothing any more, and what it sends does not leave.
      if (processes[index] !== made || callsLeft[index]!-- <= 0) return { refuse: 'unavailable' };
      return call.operation === 'put' ? fault() : { delayBeforeMs: (delays >>> 12) % 15 };
    };
    processes[index] = made;
  };
  for (let index = 0; index < PROCESSES; index++) start(index);

  let generation = 1;
  const owners: Record<number, number> = Object.fromEntries(PARTITIONS.map((one) => [one, 1]));
  const group = (): TestGroup => ({
    since: T0,
    generation,
    members: PARTITIONS.map((one) => memberOf(one)),
    ...(classic ? {} : { owners: { ...owners } }),
  });
  const memberOf = (one: number) => `m${one}-${classic ? '' : owners[one]}`;
  await world.setGroup(group());

  const writes: Map<number, number>[] = [];
  let last = '';
  const watch = () => {
    const item = world.stores.contents().state.find(({ pk }) => pk === offsetsPk(GROUP));
    if (item === undefined || item.nonce === last) return;
    last = item.nonce;
    const [block] = world.stored().values();
    writes.push(new Map([...block!.committed].map(([one, { offset }]) => [one, offset])));
  };
  const shown: Shown[] = [];
  const counts = new Map<string, number>();
  const work: Promise<unknown>[] = [];
  for (const one of actions) {
    switch (one.kind) {
      case 'commit': {
        const by = Math.max(1, generation - one.behind);
        const key = `${by}/${one.partition}`;
        const count = (counts.get(key) ?? 0) + 1;
        counts.set(key, count);
        const request = commitOf(member(memberOf(one.partition), by), {});
        const topics = [{ ...request.topics[0]!, wanted: at({ [one.partition]: by * PER_GENERATION + count }) }];
        work.push(processes[one.process]!.offsets.commit({ ...request, topics }, context(60_000)).catch(() => {}));
        break;
      }
      case 'fetch': {
        const by = generation;
        const bound = classic ? generation : owners[one.partition]!;
        const claim = one.named ? member(memberOf(one.partition), by) : NOBODY;
        work.push(
          processes[one.process]!.offsets.fetch(fetchOf(claim, [one.partition]), context(60_000))
            .then((outcome) => {
              watch();
              if (outcome.kind !== 'fetched' || !one.named) return;
              const { offset } = outcome.topics[0]!.offsets[0]!;
              shown.push({ partition: one.partition, generation: bound, offset, writes: writes.length });
            })
            .catch(() => {}),
        );
        break;
      }
      case 'rebalance':
        generation++;
        owners[one.partition] = generation;
        await world.setGroup(group());
        break;
      case 'kill': {
        const { process, afterCalls } = one;
        callsLeft[process] = afterCalls;
        if (afterCalls === 0) start(process);
        break;
      }
      case 'wait':
        for (let ms = 0; ms < one.ms; ms++) {
          await world.clock.advance(1);
          watch();
        }
    }
  }
  for (let ms = 0; ms < 1_000; ms += 5) {
    await world.clock.advance(5);
    watch();
  }
  await world.run(Promise.all(work));
  return { writes, shown };
}

describe.each([
  ['classic', true],
  ['consumer', false],
])('in a %s group', (_, classic) => {
  it('nothing of an earlier generation is committed once the owner has read, whatever is delayed, lost or killed', async () => {
    let fenced = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), fc.nat(), async (actions, seed) => {
        const { writes, shown } = await play(actions, seed, classic);
        for (const { partition: read, generation, offset, writes: seen } of shown) {
          const later = writes.slice(seen).map((committed) => committed.get(read));
          let value = offset === -1 ? undefined : offset;
          for (const after of later) {
            // Whatever changes the offset after it was shown is of that generation or a later one.
            if (after !== value) expect(generationOf(after!)).toBeGreaterThanOrEqual(generation);
            value = after;
          }
          fenced++;
        }
      }),
      { numRuns: runs(250) },
    );
    expect(fenced).toBeGreaterThan(runs(50));
  });

  it('the offsets of a generation are never followed by those of an earlier one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), fc.nat(), async (actions, seed) => {
        const { writes } = await play(actions, seed, classic);
        for (const one of PARTITIONS) {
          const generations = writes.map((committed) => generationOf(committed.get(one) ?? 0));
          expect(generations).toEqual([...generations].sort((a, b) => a - b));
        }
      }),
      { numRuns: runs(250) },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Replacement } from '../../../lib/segments/write-replace.ts';
import type { NamedSeal } from '../../../lib/segments/write-seal.ts';
import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { createWorld, FOREVER, MINUTE, type Process, type World } from '../../unit/journal/world.ts';
import {
  epochsOf,
  expectWhole,
  indexOf,
  JOURNAL,
  part,
  replacement,
  seal,
  TOPIC,
} from '../../unit/segments/index-world.ts';

/** When and how a process dies: at its n-th call; 0: never. */
interface Death {
  readonly at: number;
  readonly fault: Fault;
}

const death: fc.Arbitrary<Death> = fc.record({
  at: fc.oneof(fc.constant(0), fc.integer({ min: 4, max: 16 })),
  fault: fc.constantFrom<Fault>({ refuse: 'unavailable' }, { loseAnswer: true }, { landAfterMs: 10 * MINUTE }),
});

/** Offsets of a segment. */
const SIZE = 4;

const NEVER: Death = { at: 0, fault: {} };

const replace = fc.record({
  kind: fc.constant('replace' as const),
  ...{ from: fc.nat({ max: 5 }), count: fc.integer({ min: 1, max: 5 }) },
  // Where between the first and the last offset a new segment begins.
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  death,
});
const again = fc.record({ kind: fc.constant('again' as const), back: fc.nat({ max: 2 }), death });

const step = fc.oneof(
  fc.record({ kind: fc.constant('seal' as const), size: fc.constantFrom(1, SIZE), death }),
  replace,
  again,
  fc.record({ kind: fc.constant('retain' as const), keep: fc.integer({ min: 3, max: 6 }), death }),
  fc.record({ kind: fc.constant('collect' as const), minutes: fc.constantFrom(1, 80), death }),
);

/** A replacement that is written in part, one of some of its segments, and the first one repeated. */
const overlapping = fc
  .tuple(replace, replace, fc.integer({ min: 3, max: 9 }), death)
  .map(([first, second, at, last]) => [
    { ...first, from: 0, count: 5, death: { ...first.death, at } },
    { ...second, from: second.from % 2 },
    { kind: 'again' as const, back: 1, death: last },
    { kind: 'again' as const, back: 1, death: NEVER },
  ]);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One partition's segments, written by processes that may die at any call. */
class History {
  readonly #world: World;
  #end = 0;
  #start = 0;
  #seq = 1;
  #newest: NamedSeal | undefined;
  readonly #replacements: Replacement[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'seal':
        // Rule R15: the next seal comes once the items of the one before are there.
        await this.#world.run(this.#writeNewest(this.#world.process()));
        this.#newest = seal(this.#seq++, part(this.#end, this.#end + one.size));
        this.#end += one.size;
        await this.#dying(one.death, (process) => this.#writeNewest(process));
        break;
      case 'replace':
        await this.#replace(one);
        break;
      case 'again': {
        const again = this.#replacements.at(-1 - one.back);
        if (again !== undefined) await this.#dying(one.death, (process) => this.#write(process, again));
        break;
      }
      case 'retain':
        await this.#retain(one.keep, one.death);
        break;
      case 'collect':
        await this.#world.clock.advance(one.minutes * MINUTE);
        await this.#dying(one.death, (process) =>
          indexOf(process).removeReplaced(TOPIC, 0, 0, this.#end, { deadline: FOREVER }),
        );
        break;
    }
  }

  async check(how: string): Promise<void> {
    // The items of the newest seal may be missing.
    const end = this.#newest?.parts[0]?.baseOffset ?? 0;
    if (this.#start < end) await expectWhole(this.#world, how, this.#start, end);
  }

  #writeNewest(process: Process): Promise<unknown> {
    const { clock } = this.#world;
    if (this.#newest === undefined) return Promise.resolve();
    return indexOf(process).writeSeal(JOURNAL, this.#newest, clock.now(), epochsOf);
  }

  #write(process: Process, one: Replacement): Promise<unknown> {
    return indexOf(process).writeReplace(JOURNAL, one, this.#world.clock.now());
  }

  /** Some of the segments below the newest seal, by others with other bounds. */
  async #replace({ from, count, cuts, death: one }: Extract<Step, { kind: 'replace' }>): Promise<void> {
    const newest = this.#newest?.parts[0]?.baseOffset ?? 0;
    const index = indexOf(this.#world.process());
    const page = await this.#world.run(index.list(TOPIC, 0, { from: this.#start, consistent: true }));
    const all = page.segments.filter(({ nextOffset }) => nextOffset <= newest);
    const old = all.slice(from % Math.max(1, all.length)).slice(0, count);
    const [first, last] = [old[0]?.baseOffset, old.at(-1)?.nextOffset];
    if (first === undefined || last === undefined) return;
    const inside = cuts
      .map((cut) => first + Math.floor(cut * (last - first)))
      .filter((cut) => first < cut && cut < last);
    const ends = [...new Set([...inside, last])].sort((a, b) => a - b);
    const made = replacement(this.#seq++, first, ...ends);
    this.#replacements.push(made);
    await this.#dying(one, (process) => this.#write(process, made));
  }

  async #retain(keep: number, one: Death): Promise<void> {
    const index = indexOf(this.#world.process());
    const newest = this.#newest?.parts[0]?.baseOffset ?? 0;
    const page = await this.#world.run(index.list(TOPIC, 0, { from: newest, order: 'descending', consistent: true }));
    this.#start = Math.max(this.#start, page.segments[keep]?.nextOffset ?? 0);
    await this.#dying(one, (process) => indexOf(process).remove(TOPIC, 0, this.#start, { deadline: FOREVER }));
  }

  async #dying({ at, fault }: Death, work: (process: Process) => Promise<unknown>): Promise<void> {
    const process = this.#world.process();
    let calls = 0;
    process.faults = ({ operation }: StoreCall) => {
      calls++;
      if (at === 0 || calls < at) return undefined;
      if (calls > at) return { refuse: 'unavailable' };
      return fault.landAfterMs === undefined || operation === 'put' || operation === 'delete'
        ? fault
        : { loseAnswer: true };
    };
    await this.#world.run(
      work(process).catch((error: unknown) => {
        if (at === 0) throw error;
      }),
    );
  }
}

describe('the segment items of a partition', () => {
  it('hold every offset from the log start on, whatever is written, repeated and interrupted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            step.map((one) => [one]),
            overlapping,
          ),
          { minLength: 1, maxLength: 5 },
        ),
        async (groups) => {
          const steps: Step[] = groups.flat();
          const history = new History(await createWorld());
          for (let count = 0; count < 7; count++) await history.take({ kind: 'seal', size: SIZE, death: NEVER });
          for (const [at, one] of steps.entries()) {
            await history.take(one);
            await history.check(`after step ${at}`);
          }
          expect(steps.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});

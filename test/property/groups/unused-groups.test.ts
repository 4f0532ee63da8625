import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../lib/core/logger.ts';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { scaled } from '../../support/machine.ts';
import { commitOffsets, deleteOffsets, fetchOffsets, offsetsIn } from '../../support/offset-requests.ts';
import { createTopic } from '../../support/requests.ts';
import { runs } from '../../support/runs.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const GROUP = 'g';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PROCESSES = 2;
const NO_OFFSET = -1;
const SWEEPS = 3;

type Action =
  /** `slow`: what becomes of the put of the offset, and of the group's head. */
  | { readonly kind: 'commit'; readonly process: number; readonly slow: Slow; readonly sweepAfterMs: number }
  | { readonly kind: 'sweep'; readonly process: number; readonly afterMinutes: number }
  | { readonly kind: 'delete'; readonly process: number }
  | { readonly kind: 'wait'; readonly minutes: number };

const minutes = fc.constantFrom(0, 1, 59, 61, 61, 130);

interface Slow {
  readonly offsets: Fault | undefined;
  readonly head: Fault | undefined;
}

const process = fc.nat(PROCESSES - 1);
const fault: fc.Arbitrary<Fault | undefined> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.record({ delayBeforeMs: fc.nat(20_000) }) },
  { weight: 1, arbitrary: fc.record({ landAfterMs: fc.nat(10 * MINUTE_MS) }) },
  { weight: 1, arbitrary: fc.constant({ loseAnswer: true }) },
);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      process,
      slow: fc.record({ offsets: fault, head: fault }),
      sweepAfterMs: fc.nat(10_000),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('sweep' as const), process, afterMinutes: minutes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), process }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes }) },
);

/** A group that nobody is in, two processes that commit for it and sweep it, and a store that is slow or silent. */
class IdleGroup {
  readonly clock = new VirtualClock();
  readonly engines: Engine[] = [];
  /** What the offset may be: each commit that was not refused, since the last that was acknowledged. */
  possible = new Set([NO_OFFSET]);
  dropped = 0;
  #slow: Slow | undefined;
  #committed = 0;

  async start(): Promise<void> {
    const faults = (call: StoreCall) => this.#faultOf(call);
    const stores = memoryStores({ clock: this.clock, random: seededRandom(1), faults });
    for (let i = 0; i < PROCESSES; i++) this.engines.push(await startEngine({ stores, clock: this.clock }));
    await this.#settled(createTopic(this.engines[0]!.client, 'orders', { partitions: 1 }));
    // Makes the group, and leaves it without an offset.
    await this.act({ kind: 'commit', process: 0, slow: NOT_SLOW, sweepAfterMs: 0 });
    await this.act({ kind: 'delete', process: 0 });
  }

  async act(one: Action): Promise<void> {
    switch (one.kind) {
      case 'wait':
        await this.clock.advance(one.minutes * MINUTE_MS);
        return;
      case 'sweep':
        await this.clock.advance(one.afterMinutes * MINUTE_MS);
        await this.#settled(this.#sweep(one.process));
        return;
      case 'delete': {
        const { error, partitions } = await this.#settled(
          deleteOffsets(this.#client(one.process), GROUP, 'orders', [0]),
        );
        if (error === 0 && partitions[0] === 0) this.possible = new Set([NO_OFFSET]);
        return;
      }
      case 'commit':
        await this.#commit(one);
    }
  }

  /** Sweeps begin in the middle of it, in the other process: more of them than it takes to drop a group. */
  async #commit({ process: index, slow, sweepAfterMs }: Action & { kind: 'commit' }): Promise<void> {
    const offset = ++this.#committed;
    this.possible.add(offset);
    this.#slow = slow;
    const committing = commitOffsets(this.#client(index), GROUP, { name: 'orders', id: '' }, { 0: offset });
    await this.clock.advance(sweepAfterMs);
    const sweeping = this.#sweep((index + 1) % PROCESSES, SWEEPS);
    const [code] = await this.#settled(committing);
    this.#slow = undefined;
    await this.#settled(sweeping);
    // What was not answered with NONE may land as long as its signature holds.
    if (code === 0) this.possible = new Set([offset]);
    else await this.clock.advance(HOUR_MS / 2);
  }

  async offset(): Promise<number | string> {
    const { client } = this.engines[0]!;
    const [offset] = offsetsIn(await this.#settled(fetchOffsets(client, GROUP, { name: 'orders', id: '' })));
    return offset!;
  }

  async #sweep(index: number, times = 1): Promise<void> {
    const { groups, broker } = this.engines[index]!;
    const context = { ...CONTEXT, deadline: Number.POSITIVE_INFINITY };
    const isThere = async () => true;
    try {
      const expire = (id: string, group: Parameters<typeof broker.offsets.expire>[1], since: number) =>
        broker.offsets.expire(id, group, since, isThere);
      for (let time = 0; time < times; time++) {
        const { counts } = await groups.sweep(undefined, expire, new UnreadableItems(silentLogger), context);
        this.dropped += counts.dropped;
      }
    } catch {
      // A store that does not answer; the next sweep goes on.
    }
  }

  #client(index: number) {
    return this.engines[index]!.client;
  }

  #faultOf({ operation, key, sortKey }: StoreCall): Fault | undefined {
    if (operation !== 'put' || this.#slow === undefined) return undefined;
    if (key.startsWith('offsets/')) return this.#slow.offsets;
    return sortKey === 'group' ? this.#slow.head : undefined;
  }

  async #settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const note = () => {
      isSettled = true;
    };
    promise.then(note, note);
    expect(await this.clock.runUntil(() => isSettled, 2 * HOUR_MS)).toBe(true);
    return promise;
  }
}

const NOT_SLOW: Slow = { offsets: undefined, head: undefined };
const CONTEXT = {
  principal: 'User:upkeep' as const,
  clientId: '',
  host: '',
  listener: '',
  signal: new AbortController().signal,
};

describe('a group that nobody is in', () => {
  it('never loses an acknowledged offset to the sweep', { timeout: scaled(120_000) }, async () => {
    let dropped = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 8, maxLength: 30 }), async (actions) => {
        const group = new IdleGroup();
        await group.start();
        for (const one of actions) {
          await group.act(one);
          expect(group.possible).toContain(await group.offset());
        }
        dropped += group.dropped;
      }),
      { numRuns: runs(150) },
    );
    // Else nothing was tried.
    expect(dropped).toBeGreaterThan(runs(30));
  });
});

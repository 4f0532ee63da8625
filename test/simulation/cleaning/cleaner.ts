import { type Random, randomInt } from '../../../lib/core/random.ts';
import type { EffectiveTopicConfig } from '../../../lib/core/topic-config.ts';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import { Slots } from '../../../lib/kit/slots.ts';
import { type CompactionCursor, compactPartition } from '../../../lib/segments/compact.ts';
import type { CompactionEnvironment, CompactionLimits } from '../../../lib/segments/compaction-environment.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import { retainJournal } from '../../../lib/segments/retain.ts';
import { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import type { Instance } from '../instance.ts';

/** Three keys at least, which is what the largest batches have, and up to more than there are. */
const MAP_BYTES = [300, 3_000] as const;
const OBJECT_BYTES = [400, 6_000] as const;
const PASS_BYTES = [500, 20_000] as const;
const WINDOW_BYTES = 64 * 1024;

/** From too short for most passes to long enough for all; ms. */
const PASS_MS = [50, 5_000] as const;

/** Compacts and retains while clients work, with limits so small that passes end at any point. */
export class Cleaner {
  readonly #random: Random;
  readonly #environments = new WeakMap<Instance, CompactionEnvironment>();
  readonly #cursors = new WeakMap<Instance, Map<string, CompactionCursor>>();

  constructor(random: Random) {
    this.#random = random;
  }

  async clean(instance: Instance, open: OpenJournal, config: EffectiveTopicConfig, deadline: number): Promise<void> {
    const env = this.#environmentOf(instance);
    const { clock } = instance.process;
    if (config.compacted) {
      const partitions = [...open.journal.view.partitions.values()].filter(({ segments }) => segments > 0);
      for (const { partition } of partitions) {
        const passMs = randomInt(this.#random, ...PASS_MS);
        await this.#compact(env, instance, open, partition, config, Math.min(deadline, clock.monotonic() + passMs));
      }
    }
    if (config.deletes) await retainJournal(env, open, config, deadline);
  }

  async #compact(
    env: CompactionEnvironment,
    instance: Instance,
    open: OpenJournal,
    partition: number,
    config: EffectiveTopicConfig,
    deadline: number,
  ): Promise<void> {
    const cursors = this.#cursors.get(instance) ?? new Map<string, CompactionCursor>();
    this.#cursors.set(instance, cursors);
    const id = `${open.journal.id}/${partition}`;
    const cursor = cursors.get(id);
    const limits = this.#limits();
    const request = { partition, config, limits, ...(cursor !== undefined && { cursor }) };
    const outcome = await compactPartition(env, open, request, deadline);
    if (outcome.kind === 'interrupted' && outcome.cursor !== undefined) cursors.set(id, outcome.cursor);
    else cursors.delete(id);
  }

  #limits(): CompactionLimits {
    return {
      mapBytes: randomInt(this.#random, ...MAP_BYTES),
      passBytes: randomInt(this.#random, ...PASS_BYTES),
      objectBytes: randomInt(this.#random, ...OBJECT_BYTES),
      windowBytes: WINDOW_BYTES,
    };
  }

  #environmentOf(instance: Instance): CompactionEnvironment {
    const known = this.#environments.get(instance);
    if (known !== undefined) return known;
    const { stores, clock, random } = instance.engine.broker.admin.journals.env;
    const changes = { state: stores.state, clock, random };
    const env = { index: new SegmentIndex(changes), due: new DueList(changes), slots: new Slots(1) };
    this.#environments.set(instance, env);
    return env;
  }
}

import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import { type ChangeEnvironment, changeItem } from '../kit/change-item.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import {
  decodeNextProducerId,
  encodeNextProducerId,
  PRODUCER_IDS_PK,
  PRODUCER_IDS_SK,
} from '../storage/items/producer-id-block.ts';
import type { ItemStore } from '../storage/ports.ts';

/**
 * Ids taken at a time (Kafka: ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE). The unused ids of a block
 * are lost when the process ends.
 */
export const PRODUCER_ID_BLOCK = 1_000;

/** Allocates producer ids. Each is unique for the lifetime of a deployment. */
export class ProducerIds {
  readonly #state: ItemStore;
  readonly #clock: Clock;
  readonly #random: Random;
  #next = 0;
  #end = 0;
  readonly #blocks = new SharedReads<'block', void>();

  constructor(state: ItemStore, clock: Clock, random: Random) {
    this.#state = state;
    this.#clock = clock;
    this.#random = random;
  }

  /** A new producer id. Throws StoreUnavailableError. */
  async next(): Promise<number> {
    while (this.#next >= this.#end) {
      await this.#blocks.join('block', () => this.#takeBlock());
    }
    return this.#next++;
  }

  async #takeBlock(): Promise<void> {
    let first = 0;
    const env = { state: this.#state, clock: this.#clock, random: this.#random };
    const taken = await changeItem<never>(env, { pk: PRODUCER_IDS_PK, sk: PRODUCER_IDS_SK }, (item) => {
      first = item === undefined ? 0 : decodeNextProducerId(item.body);
      const body = encodeNextProducerId(first + PRODUCER_ID_BLOCK);
      return { kind: 'put', version: (item?.version ?? 0) + 1, body };
    });
    // A block whose put had no answer is skipped: ids may have gaps, but are never given twice.
    if (taken.kind === 'put' && !taken.isAnswered) return this.#takeBlock();
    this.#next = first;
    this.#end = first + PRODUCER_ID_BLOCK;
  }
}

/**
 * Makes the next block begin at `least` or later. Returns where the next block began before: no process
 * has an id from there on. Throws StoreUnavailableError.
 */
export async function raiseNextProducerId(env: ChangeEnvironment, least: number): Promise<number> {
  let before = 0;
  await changeItem(env, { pk: PRODUCER_IDS_PK, sk: PRODUCER_IDS_SK }, (item) => {
    before = item === undefined ? 0 : decodeNextProducerId(item.body);
    if (before >= least) return { kind: 'keep', result: undefined };
    return { kind: 'put', version: (item?.version ?? 0) + 1, body: encodeNextProducerId(least) };
  });
  return before;
}

import type { Clock } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import {
  decodeNextProducerId,
  encodeNextProducerId,
  PRODUCER_IDS_PK,
  PRODUCER_IDS_SK,
} from '../storage/items/producer-id-block.ts';
import { type ItemStore, StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';

/** Ids taken at a time (Kafka: ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE). Those not used when a process ends are skipped. */
export const PRODUCER_ID_BLOCK = 1_000;

const ATTEMPTS_MAX = 50;

/** Hands out producer ids, each once in the life of a deployment. */
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

  /** A producer id that nobody had before. Throws StoreUnavailableError. */
  async next(): Promise<number> {
    while (this.#next >= this.#end) {
      await this.#blocks.join('block', () => this.#takeBlock());
    }
    return this.#next++;
  }

  async #takeBlock(): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { item } = await this.#state.get(PRODUCER_IDS_PK, PRODUCER_IDS_SK, true);
      const first = item === undefined ? 0 : decodeNextProducerId(item.body);
      const version = (item?.version ?? 0) + 1;
      const put = await putItem(
        this.#state,
        {
          pk: PRODUCER_IDS_PK,
          sk: PRODUCER_IDS_SK,
          version,
          nonce: newNonce(this.#random),
          body: encodeNextProducerId(first + PRODUCER_ID_BLOCK),
        },
        item === undefined ? { kind: 'absent' } : { kind: 'version', version: item.version },
        this.#clock,
        this.#random,
      );
      // Whatever is not surely ours is nobody's: ids may be skipped, never handed out twice.
      if (put.kind !== 'committed') continue;
      this.#next = first;
      this.#end = first + PRODUCER_ID_BLOCK;
      return;
    }
    throw new StoreUnavailableError('no block of producer ids could be taken');
  }
}

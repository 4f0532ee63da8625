import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { type ChangeEnvironment, changeItem } from '../kit/change-item.ts';
import { answerWithin } from '../kit/deadline.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import {
  decodeTransactionLevel,
  encodeTransactionLevel,
  TRANSACTION_LEVEL_PK,
  TRANSACTION_LEVEL_SK,
  type TransactionLevel,
} from '../storage/items/transaction-level.ts';
import type { Item } from '../storage/ports.ts';

/** A process learns of a change within this time; ms. */
const KNOWN_FOR_MS = 30_000;

/** Longest time that a read may hold up a client that connects; ms. */
const READ_MAX_MS = 1_000;

/** The level of a cluster that has none stored, and the epoch of the features then. */
const DEFAULT: FinalizedLevel = { level: 2, epoch: 2 };

export interface FinalizedLevel {
  readonly level: TransactionLevel;
  /** Grows with each change, so that clients take the newer level. */
  readonly epoch: number;
}

/** The feature `transaction.version` as the handlers see it. */
export interface FinalizedFeature {
  /** The level of a setting, which cannot be changed; undefined: it can. */
  readonly pinned: TransactionLevel | undefined;
  /** Never rejects. */
  finalized(): Promise<FinalizedLevel>;
  /** Stores the level. Throws StoreUnavailableError. */
  change(level: TransactionLevel): Promise<void>;
}

export interface TransactionFeatureEnvironment extends ChangeEnvironment {
  /** The clock by which what is known expires. */
  readonly ageing: Clock;
  readonly logger: Logger;
}

/**
 * The finalized level of `transaction.version`. It tells clients which version of transactions to use;
 * requests of both are served at either level. So it need not be the same in all processes at all
 * times.
 */
export class TransactionFeature implements FinalizedFeature {
  readonly pinned = undefined;
  readonly #env: TransactionFeatureEnvironment;
  readonly #reads = new SharedReads<'level', FinalizedLevel>();
  #known: FinalizedLevel | undefined;
  /** By `ageing`; ms. */
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(env: TransactionFeatureEnvironment) {
    this.#env = env;
  }

  /** See FinalizedFeature. Without an answer of the store, the level is the one that was known last. */
  async finalized(): Promise<FinalizedLevel> {
    const { ageing, clock, logger } = this.#env;
    if (this.#known !== undefined && ageing.monotonic() - this.#readAt < KNOWN_FOR_MS) return this.#known;
    const last = () => this.#known ?? DEFAULT;
    const read = this.#reads
      .join('level', () => this.#read())
      .catch((error: unknown) => {
        logger.log('warn', { event: 'features_not_read', message: String(error) });
        return last();
      });
    return answerWithin(clock, READ_MAX_MS, read, last);
  }

  /** See FinalizedFeature. This process knows it at once, others within KNOWN_FOR_MS. */
  async change(level: TransactionLevel): Promise<void> {
    const key = { pk: TRANSACTION_LEVEL_PK, sk: TRANSACTION_LEVEL_SK };
    const changed = await changeItem<Item | undefined>(this.#env, key, (item) =>
      levelOf(item).level === level
        ? { kind: 'keep', result: item }
        : { kind: 'put', version: (item?.version ?? 0) + 1, body: encodeTransactionLevel(level) },
    );
    this.#learn(changed.kind === 'kept' ? changed.result : changed.item);
  }

  async #read(): Promise<FinalizedLevel> {
    const { item } = await this.#env.state.get(TRANSACTION_LEVEL_PK, TRANSACTION_LEVEL_SK, true);
    return this.#learn(item);
  }

  #learn(item: Item | undefined): FinalizedLevel {
    this.#readAt = this.#env.ageing.monotonic();
    const read = levelOf(item);
    // A change of this process may have come after the read.
    if (this.#known === undefined || this.#known.epoch < read.epoch) this.#known = read;
    return this.#known;
  }
}

function levelOf(item: Item | undefined): FinalizedLevel {
  if (item === undefined) return DEFAULT;
  return { level: decodeTransactionLevel(item.body), epoch: DEFAULT.epoch + item.version };
}

import { type Clock, sleep } from '../core/clock.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { Topics } from '../topics/topics.ts';
import type { ListOfTopics, SubscribedTopic } from './facts.ts';

/**
 * Maximum age of the list for patterns that are already resolved; ms. A read of the list queries
 * all topics.
 */
export const LIST_AGE_MAX_MS = 30_000;

/**
 * Minimum interval between the starts of two reads of the list; ms. Each join with a pattern needs
 * a list that is newer than its request. Joins that arrive during the interval share the next read.
 */
export const LIST_EVERY_MS = 200;

interface Listing extends ListOfTopics {
  /** When its read began, by Clock.monotonic(). */
  readonly begunAt: number;
  /** Topics.changes when its read began. */
  readonly changes: number;
}

/** The list of all topics as this process last read it. All groups share it. */
export class TopicList {
  readonly #topics: Topics;
  readonly #clock: Clock;
  readonly #storeNow: () => StoreTime;
  #latest: Listing | undefined;
  readonly #reads = new SharedReads<'topics', Listing>(() => this.#pause());

  constructor(topics: Topics, clock: Clock, storeNow: () => StoreTime) {
    this.#topics = topics;
    this.#clock = clock;
    this.#storeNow = storeNow;
  }

  /**
   * A list no older than LIST_AGE_MAX_MS that contains all changes made by this process. Throws
   * StoreUnavailableError.
   */
  known(): Promise<ListOfTopics> {
    const latest = this.#latest;
    const isCurrent =
      latest !== undefined &&
      latest.changes === this.#topics.changes &&
      this.#clock.monotonic() - latest.begunAt <= LIST_AGE_MAX_MS;
    return isCurrent ? Promise.resolve(latest) : this.readNew();
  }

  /**
   * A list whose read begins after this call. Calls made before it begins share it. Throws
   * StoreUnavailableError.
   */
  readNew(): Promise<ListOfTopics> {
    return this.#reads.read('topics', () => this.#read());
  }

  /** At least a microtask, so that joins of the same event share the first read, too. */
  #pause(): Promise<void> {
    const begunAt = this.#latest?.begunAt;
    const pauseMs = begunAt === undefined ? 0 : begunAt + LIST_EVERY_MS - this.#clock.monotonic();
    // The bound matters if the clock was set back.
    return pauseMs > 0 ? sleep(this.#clock, Math.min(pauseMs, LIST_EVERY_MS)) : Promise.resolve();
  }

  async #read(): Promise<Listing> {
    const [at, begunAt, changes] = [Math.floor(this.#storeNow()), this.#clock.monotonic(), this.#topics.changes];
    const read = await this.#topics.list();
    const topics = new Map(
      read.map(({ record: { name, id, partitions } }): [string, SubscribedTopic] => [
        name,
        { name, topicId: id, partitions },
      ]),
    );
    this.#latest = { at, topics, begunAt, changes };
    return this.#latest;
  }
}

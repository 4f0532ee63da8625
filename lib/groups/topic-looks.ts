import type { Topics } from '../admin/topics.ts';
import type { Clock } from '../core/clock.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { SubscribedTopic } from './consumer/state.ts';
import type { TopicLook } from './consumer/subscription.ts';

/** What a group wants to know of topics. */
export interface LookRequest {
  readonly groupId: string;
  readonly now: StoreTime;
  readonly names: Iterable<string>;
  /** What the group knows of them; what this process remembers is believed only where it says the same. */
  readonly known: ReadonlyMap<string, SubscribedTopic>;
  /** How old the list of all topics may be, ms; undefined where it is not needed. */
  readonly listAgeMaxMs: number | undefined;
}

/**
 * A group's topics are looked at again after this long at the next heartbeat, ms. Topics in use are remembered
 * (lib/admin/topics.ts), so that a look costs a read only for what is new or missing.
 */
export const LOOK_AGE_MAX_MS = 5000;

/** How old the list of all topics may be for patterns that are resolved already; it costs a query over all topics. */
export const LIST_AGE_MAX_MS = 30_000;

/** The same for a pattern that is new to the group: many members may bring it at once. */
export const FRESH_LIST_AGE_MAX_MS = 1000;

/** Groups whose last look is remembered; beyond it the ones looked at longest ago are forgotten. */
const LOOKS_MAX = 10_000;

/** Topics read at once for one look. */
const READS_AT_ONCE = 32;

interface Remembered {
  readonly at: StoreTime;
  /** By Clock.monotonic(). */
  readonly until: number;
  readonly named: ReadonlyMap<string, SubscribedTopic | undefined>;
}

interface Listing {
  readonly at: StoreTime;
  readonly listedAt: number;
  readonly all: readonly SubscribedTopic[];
}

/** What this process saw of the topics that groups subscribe to; shared by all groups. */
export class TopicLooks {
  readonly #topics: Topics;
  readonly #clock: Clock;
  readonly #looks = new Map<string, Remembered>();
  #listing: Listing | undefined;
  #listingNow: Promise<void> | undefined;

  constructor(topics: Topics, clock: Clock) {
    this.#topics = topics;
    this.#clock = clock;
  }

  /** What is at hand; undefined if it is too old or says too little, and `load` is due. */
  peek(request: LookRequest): TopicLook | undefined {
    const now = this.#clock.monotonic();
    const look = this.#looks.get(request.groupId);
    if (look === undefined || look.until <= now) return undefined;
    for (const name of request.names) if (!look.named.has(name)) return undefined;
    const { at, named } = look;
    if (request.listAgeMaxMs === undefined) return { at, named };
    const listing = this.#listing;
    if (listing === undefined || now - listing.listedAt > request.listAgeMaxMs) return undefined;
    return { at: Math.min(at, listing.at), named, all: listing.all };
  }

  /** Reads what a look needs. Throws StoreUnavailableError. */
  async load(request: LookRequest): Promise<void> {
    if (request.listAgeMaxMs !== undefined) await this.#list(request.now, request.listAgeMaxMs);
    const named = new Map<string, SubscribedTopic | undefined>();
    const names = [...request.names];
    for (let from = 0; from < names.length; from += READS_AT_ONCE) {
      await Promise.all(
        names.slice(from, from + READS_AT_ONCE).map(async (name) => {
          named.set(name, await this.#read(name, request.known.get(name)));
        }),
      );
    }
    this.#looks.delete(request.groupId);
    this.#looks.set(request.groupId, { at: request.now, until: this.#clock.monotonic() + LOOK_AGE_MAX_MS, named });
    if (this.#looks.size > LOOKS_MAX) {
      const oldest = this.#looks.keys().next();
      if (!oldest.done) this.#looks.delete(oldest.value);
    }
  }

  async #read(name: string, known: SubscribedTopic | undefined): Promise<SubscribedTopic | undefined> {
    const remembered = this.#topics.peek(name)?.record;
    if (known !== undefined && remembered?.id === known.topicId && remembered.partitions === known.partitions) {
      return known;
    }
    const record = (await this.#topics.read(name))?.record;
    return record === undefined ? undefined : { name, topicId: record.id, partitions: record.partitions };
  }

  async #list(at: StoreTime, ageMaxMs: number): Promise<void> {
    while (this.#listing === undefined || this.#clock.monotonic() - this.#listing.listedAt > ageMaxMs) {
      if (this.#listingNow !== undefined) {
        await this.#listingNow;
        continue;
      }
      this.#listingNow = this.#listAll(at).finally(() => {
        this.#listingNow = undefined;
      });
      await this.#listingNow;
      return;
    }
  }

  async #listAll(at: StoreTime): Promise<void> {
    const topics = await this.#topics.list();
    const all = topics.map(({ record: { name, id, partitions } }) => ({ name, topicId: id, partitions }));
    this.#listing = { at, listedAt: this.#clock.monotonic(), all };
  }
}

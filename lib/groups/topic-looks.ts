import type { Clock } from '../core/clock.ts';
import { each } from '../kit/each.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { Topics } from '../topics/topics.ts';
import type { NeedsUnion, SubscribedTopic, TopicLook } from './facts.ts';
import type { TopicList } from './topic-list.ts';

/** What the looks of all groups share. */
export interface TopicSources {
  readonly topics: Topics;
  readonly list: TopicList;
  readonly clock: Clock;
  readonly storeNow: () => StoreTime;
}

/**
 * A group's topics are looked at again after this long at the next heartbeat, ms. Topics in use are remembered
 * (lib/topics/topics.ts), so that a look costs a read only for what is new or missing.
 */
export const LOOK_AGE_MAX_MS = 5000;

/** Topics read at once for one look. */
const READS_AT_ONCE = 32;

interface Remembered {
  readonly look: TopicLook;
  /** By Clock.monotonic(). */
  readonly until: number;
  /** Topics.changes when it began: a topic that this process changes itself is looked at again at once. */
  readonly changes: number;
}

/** What this process saw of the topics of one group. */
export class TopicLooks {
  readonly #sources: TopicSources;
  #last: Remembered | undefined;

  constructor(sources: TopicSources) {
    this.#sources = sources;
  }

  /**
   * A look that has all of `needs`, and what else is remembered; the very same as before where nothing was to be read.
   * `known`: what the group knows of its topics: what this process remembers of them is believed only where it says the
   * same. Throws StoreUnavailableError.
   */
  async look(needs: NeedsUnion, known: ReadonlyMap<string, SubscribedTopic>): Promise<TopicLook> {
    const { topics, list, clock, storeNow } = this.#sources;
    const { changes } = topics;
    const now = clock.monotonic();
    const at = Math.floor(storeNow());
    const last =
      this.#last !== undefined && this.#last.until > now && this.#last.changes === changes ? this.#last : undefined;
    const missing = [...needs.topics].filter((name) => {
      const remembered = last?.look.named;
      return remembered?.has(name) !== true || (needs.newTopics.has(name) && remembered.get(name) === undefined);
    });
    const [read, listed] = await Promise.all([
      this.#readAll(missing, known),
      needs.allTopics === 'new' ? list.readNew() : needs.allTopics === 'known' ? list.known() : last?.look.list,
    ]);
    if (last !== undefined && read.size === 0 && listed === last.look.list) return last.look;
    const named =
      last === undefined || read.size === 0 ? (last?.look.named ?? read) : new Map([...last.look.named, ...read]);
    const look = { at: last?.look.at ?? at, named, list: listed };
    this.#last = { look, until: last?.until ?? now + LOOK_AGE_MAX_MS, changes };
    return look;
  }

  async #readAll(
    names: readonly string[],
    known: ReadonlyMap<string, SubscribedTopic>,
  ): Promise<Map<string, SubscribedTopic | undefined>> {
    const read = new Map<string, SubscribedTopic | undefined>();
    await each({ atOnce: READS_AT_ONCE }, names, async (name) =>
      read.set(name, await this.#read(name, known.get(name))),
    );
    return read;
  }

  async #read(name: string, known: SubscribedTopic | undefined): Promise<SubscribedTopic | undefined> {
    const { topics } = this.#sources;
    const remembered = topics.peek(name)?.record;
    if (known !== undefined && remembered?.id === known.topicId && remembered.partitions === known.partitions) {
      return known;
    }
    const record = (await topics.read(name))?.record;
    return record === undefined ? undefined : { name, topicId: record.id, partitions: record.partitions };
  }
}

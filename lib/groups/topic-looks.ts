import type { Clock } from '../core/clock.ts';
import { each } from '../kit/each.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { Topics } from '../topics/topics.ts';
import type { NeedsUnion, SubscribedTopic, TopicLook } from './facts.ts';
import type { TopicList } from './topic-list.ts';

/** What the looks at topics share across groups. */
export interface TopicSources {
  readonly topics: Topics;
  readonly list: TopicList;
  readonly clock: Clock;
  readonly storeNow: () => StoreTime;
}

/**
 * Maximum age of a look at a group's topics; ms. After it, the next heartbeat looks again. Topics
 * in use are cached (lib/topics/topics.ts), so that a look reads only new or missing topics.
 */
export const LOOK_AGE_MAX_MS = 5000;

/** Topics that one look reads concurrently. */
const READS_AT_ONCE = 32;

interface Remembered {
  readonly look: TopicLook;
  /** By Clock.monotonic(). */
  readonly until: number;
  /**
   * Topics.changes when the look began. A topic change by this process invalidates the look at
   * once.
   */
  readonly changes: number;
}

/** The topics of one group as this process last saw them. */
export class TopicLooks {
  readonly #sources: TopicSources;
  #last: Remembered | undefined;

  constructor(sources: TopicSources) {
    this.#sources = sources;
  }

  /**
   * A look that covers `needs` and what is still remembered. The same reference as before if
   * nothing had to be read. `known`: the topics as the group knows them. A cached topic record is
   * used only if it agrees with `known`. Throws StoreUnavailableError.
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

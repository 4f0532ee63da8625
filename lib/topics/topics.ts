import type { Clock } from '../core/clock.ts';
import type { EffectiveTopicConfig } from '../core/topic-config.ts';
import type { Uuid } from '../core/uuid.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import { type IsCurrent, SharedReads } from '../kit/shared-reads.ts';
import { type JournalId, journalId } from '../storage/items/journal-entry.ts';
import { decodeTopic, TOPIC_IDS_PK, TOPICS_PK, type TopicRecord } from '../storage/items/topic.ts';
import type { ItemStore } from '../storage/ports.ts';
import { OffsetsTopic } from './offsets-topic.ts';
import { effectiveConfig, type TopicDefaults } from './topic-configs.ts';
import { isReservedTopic, OFFSETS_TOPIC, topicNameProblem } from './topic-name.ts';

/** A topic as this process knows it. */
export interface Topic {
  readonly record: TopicRecord;
  readonly config: EffectiveTopicConfig;
}

/** The journal of a partition. */
export function journalOf(topic: Topic, partition: number): JournalId {
  return journalId(topic.record.id, partition % topic.record.journals);
}

export function journalsOf({ id, journals }: TopicRecord): JournalId[] {
  return Array.from({ length: journals }, (_, index) => journalId(id, index));
}

/**
 * A topic in use is read again in the background after this time, so that config changes take
 * effect; ms.
 */
const FRESH_MS = 10_000;

/**
 * A topic that was read longer ago than this is read again before it is used, because it may be
 * deleted; ms.
 */
const STALE_MS = 60_000;

/** Topics kept in memory. An evicted topic is read again when needed. */
const TOPICS_MAX = 20_000;

interface Known {
  readonly topic: Topic;
  readonly version: number;
  readonly readAt: number;
}

export interface TopicsOptions {
  /**
   * Whether changes of configs have to take effect soon: topics in use are then read again in the
   * background. Default: true.
   */
  readonly usesConfigs?: boolean | undefined;
  /** `__consumer_offsets`, which is not stored. */
  readonly offsetsTopic?: OffsetsTopic;
  /**
   * Called when a topic is found to be deleted, here or by another process. It may be called more
   * than once for a topic.
   */
  readonly onGone?: (topic: TopicRecord) => void;
}

/**
 * A cache of topics by name and by id. It does not remember that a topic does not exist: each such
 * look-up reads.
 */
export class Topics {
  readonly #state: ItemStore;
  readonly #clock: Clock;
  readonly #defaults: TopicDefaults;
  readonly #onGone: (topic: TopicRecord) => void;
  readonly #names = new Map<Uuid, string>();
  readonly #byName = boundedMap<string, Known>(TOPICS_MAX, ({ topic }) => this.#names.delete(topic.record.id));
  readonly #reads = new SharedReads<string, Topic | undefined>();
  readonly #offsetsTopic: OffsetsTopic;
  readonly #offsets: Topic;
  readonly #freshMs: number;
  #changes = 0;

  constructor(state: ItemStore, clock: Clock, defaults: TopicDefaults, options: TopicsOptions = {}) {
    const { offsetsTopic = new OffsetsTopic(state), onGone = () => {}, usesConfigs = true } = options;
    this.#freshMs = usesConfigs ? FRESH_MS : STALE_MS;
    this.#state = state;
    this.#clock = clock;
    this.#defaults = defaults;
    this.#offsetsTopic = offsetsTopic;
    this.#onGone = onGone;
    this.#offsets = { record: offsetsTopic.record, config: effectiveConfig(offsetsTopic.record, defaults) };
  }

  /**
   * Number of topics that this process created, deleted or gave more partitions. A change means
   * that earlier reads are out of date.
   */
  get changes(): number {
    return this.#changes;
  }

  /**
   * The topic from memory, unless it was read too long ago. Past FRESH_MS it may also be read again in
   * the background.
   */
  peek(name: string): Topic | undefined {
    if (name === OFFSETS_TOPIC) return this.#offsets;
    const known = this.#byName.get(name);
    if (known === undefined) return undefined;
    const age = this.#clock.monotonic() - known.readAt;
    if (age > STALE_MS) return undefined;
    if (age > this.#freshMs && this.#reads.running(name) === undefined) void this.read(name).catch(() => {});
    return known.topic;
  }

  /** The same by id. */
  peekById(id: Uuid): Topic | undefined {
    if (id === this.#offsets.record.id) return this.#offsets;
    const name = this.#names.get(id);
    const topic = name === undefined ? undefined : this.peek(name);
    return topic?.record.id === id ? topic : undefined;
  }

  /**
   * The topic by id from memory, however old. Reads nothing, also not in the background, and does not
   * count as use: for work that looks at many topics again and again.
   */
  recall(id: Uuid): Topic | undefined {
    const name = this.#names.get(id);
    const topic = name === undefined ? undefined : this.#byName.peek(name)?.topic;
    return topic?.record.id === id ? topic : undefined;
  }

  /** The topic with this name, from memory or the store. Throws StoreUnavailableError. */
  async get(name: string): Promise<Topic | undefined> {
    const known = this.peek(name);
    if (known !== undefined) return known;
    // A read that is already running is good enough, unless it began before the topic existed.
    return (await this.#reads.running(name)) ?? this.read(name);
  }

  /** The topic with this id. Throws StoreUnavailableError. */
  async getById(id: Uuid): Promise<Topic | undefined> {
    const known = this.peekById(id);
    if (known !== undefined) return known;
    const { item } = await this.#state.get(TOPIC_IDS_PK, id, true);
    if (item === undefined) return undefined;
    const record = decodeTopic(item.body);
    if (isReservedTopic(record.name)) return undefined;
    // The copy under the id may be older than the item under the name. The next use reads the
    // latter.
    const current = this.peek(record.name);
    if (current?.record.id === id) return current;
    if (record.deletedAt !== undefined) {
      this.#onGone(record);
      return undefined;
    }
    this.#remember(record, item.version, this.#clock.monotonic() - FRESH_MS - 1);
    // If the name was created again, the remembered topic has another id.
    const topic = this.#byName.get(record.name)?.topic;
    return topic?.record.id === id ? topic : undefined;
  }

  /**
   * Reads a topic from the store and remembers it. Concurrent calls share a read that begins after
   * them, so that a caller sees a change that another process made before the call. Throws
   * StoreUnavailableError.
   */
  read(name: string): Promise<Topic | undefined> {
    // The store cannot take such a name as a key: it is empty or too long.
    if (topicNameProblem(name) !== undefined) return Promise.resolve(undefined);
    // An item that an earlier program stored under a reserved name is ignored.
    if (isReservedTopic(name)) return Promise.resolve(name === OFFSETS_TOPIC ? this.#offsets : undefined);
    return this.#reads.read(name, (isCurrent) => this.#read(name, isCurrent));
  }

  /** All topics, in order of name. Throws StoreUnavailableError. */
  async list(): Promise<Topic[]> {
    const startedAt = this.#clock.monotonic();
    const topics: Topic[] = [];
    const [stored, isOffsetsListed] = await Promise.all([this.#listStored(), this.#offsetsTopic.isListed()]);
    for (const record of stored) {
      if (isReservedTopic(record.name)) continue;
      topics.push({ record, config: effectiveConfig(record, this.#defaults) });
    }
    if (isOffsetsListed) {
      const behind = topics.findIndex(({ record }) => record.name > OFFSETS_TOPIC);
      topics.splice(behind === -1 ? topics.length : behind, 0, this.#offsets);
    }
    this.#compare(topics, startedAt);
    return topics;
  }

  /** Removes topics that a complete list, begun at `startedAt`, does not contain. */
  #compare(topics: readonly Topic[], startedAt: number): void {
    const listed = new Set(topics.map(({ record }) => record.id));
    for (const [name, { topic, readAt }] of [...this.#byName]) {
      if (listed.has(topic.record.id) || readAt >= startedAt) continue;
      this.#byName.delete(name);
      this.#onGone(topic.record);
    }
  }

  async #listStored(): Promise<TopicRecord[]> {
    const records: TopicRecord[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await this.#state.query({
        pk: TOPICS_PK,
        ...(after === undefined ? {} : { from: `${after}\0` }),
        consistent: true,
      });
      for (const item of page.items) {
        const record = decodeTopic(item.body);
        if (record.deletedAt === undefined) records.push(record);
        after = item.sk;
      }
      if (!page.more) return records;
    }
  }

  /** Whether a topic with this id exists now, read from the store. Throws StoreUnavailableError. */
  async isThere(id: Uuid): Promise<boolean> {
    const known = await this.getById(id);
    // The item under the id may be older than the one under the name.
    return known !== undefined && (await this.read(known.record.name))?.record.id === id;
  }

  /** Records a topic that was just written, unless a newer version is known. */
  remember(record: TopicRecord, version: number): void {
    const known = this.#byName.get(record.name)?.topic.record;
    if (known?.id !== record.id || known.partitions !== record.partitions) this.#changes++;
    this.#reads.drop(record.name);
    this.#remember(record, version, this.#clock.monotonic());
  }

  #remember(record: TopicRecord, version: number, readAt: number): void {
    const known = this.#byName.get(record.name);
    if (known !== undefined && known.version > version) return;
    this.#byName.delete(record.name);
    if (known !== undefined && known.topic.record.id !== record.id) this.#onGone(known.topic.record);
    if (record.deletedAt !== undefined) {
      this.#onGone(record);
      return;
    }
    const topic = { record, config: effectiveConfig(record, this.#defaults) };
    this.#byName.set(record.name, { topic, version, readAt });
    this.#names.set(record.id, record.name);
  }

  /** Removes a deleted topic. A new topic of the same name is read at its next use. */
  forget(record: TopicRecord): void {
    this.#changes++;
    this.#reads.drop(record.name);
    this.#byName.delete(record.name);
    this.#onGone(record);
  }

  async #read(name: string, isCurrent: IsCurrent): Promise<Topic | undefined> {
    const { item } = await this.#state.get(TOPICS_PK, name, true);
    // This process changed the topic during the read, so the result may be out of date.
    if (!isCurrent()) return this.get(name);
    if (item === undefined) {
      const known = this.#byName.get(name);
      this.#byName.delete(name);
      if (known !== undefined) this.#onGone(known.topic.record);
      return undefined;
    }
    this.#remember(decodeTopic(item.body), item.version, this.#clock.monotonic());
    return this.#byName.get(name)?.topic;
  }
}

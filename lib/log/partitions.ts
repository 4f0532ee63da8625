import { type Uuid, ZERO_UUID } from '../core/uuid.ts';
import type { Journals, OpenJournal } from '../journal/open-journal.ts';
import { deleteTopic } from '../topics/delete-topic.ts';
import { isInternalTopic } from '../topics/topic-name.ts';
import { journalOf, type Topic, type Topics } from '../topics/topics.ts';

/** A reference to a topic in a request: its name or its id. */
export type TopicReference =
  | { readonly name: string; readonly id?: undefined }
  | { readonly id: Uuid; readonly name?: undefined };

/** A partition with an open journal in this process. */
export interface OpenPartition {
  readonly kind: 'open';
  readonly topic: Topic;
  readonly partition: number;
  readonly open: OpenJournal;
}

/**
 * A partition of an internal topic. It has no journal: reads find no records, and writes are
 * refused.
 */
export interface InternalPartition {
  readonly kind: 'internal';
  readonly topic: Topic;
}

export interface NotFound {
  readonly kind: 'failed';
  readonly error: 'UNKNOWN_TOPIC_OR_PARTITION' | 'UNKNOWN_TOPIC_ID';
}

/** Resolves the topics and partitions that requests name, and opens journals. */
export class Partitions {
  readonly #topics: Topics;
  readonly #journals: Journals;
  readonly #finishesDeletions: boolean;
  readonly #finishing = new Set<Uuid>();

  /**
   * @param finishesDeletions whether it marks a topic as deleted when it finds a journal of it
   *   closed
   */
  constructor(topics: Topics, journals: Journals, finishesDeletions = true) {
    this.#topics = topics;
    this.#journals = journals;
    this.#finishesDeletions = finishesDeletions;
  }

  /** The topic, from memory only; undefined if it is not in memory. */
  peekTopic(reference: TopicReference): Topic | undefined {
    return reference.name === undefined ? this.#topics.peekById(reference.id) : this.#topics.peek(reference.name);
  }

  /** The partition, from memory only; undefined if it is not in memory. */
  peek(reference: TopicReference, partition: number): OpenPartition | undefined {
    const topic = this.peekTopic(reference);
    if (topic === undefined || partition < 0 || partition >= topic.record.partitions) return undefined;
    const open = this.#journals.peek(journalOf(topic, partition));
    if (open === undefined || open.journal.view.closed) return undefined;
    return { kind: 'open', topic, partition, open };
  }

  /**
   * The topic, from memory or the store; undefined if it does not exist. Throws
   * StoreUnavailableError.
   */
  async findTopic(reference: TopicReference): Promise<Topic | undefined> {
    if (reference.name !== undefined) return this.#topics.get(reference.name);
    if (reference.id === ZERO_UUID) return undefined;
    const topic = await this.#topics.getById(reference.id);
    return topic?.record.id === reference.id ? topic : undefined;
  }

  /**
   * The partition; opens its journal if necessary. Throws StoreUnavailableError.
   *
   * @param found the topic, if findTopic has just returned it
   */
  async resolve(
    reference: TopicReference,
    partition: number,
    found?: Topic,
  ): Promise<OpenPartition | InternalPartition | NotFound> {
    const known = found === undefined ? this.peek(reference, partition) : undefined;
    if (known !== undefined) return known;
    const named = found ?? this.peekTopic(reference);
    if (named !== undefined && isInternalTopic(named.record.name)) {
      const isThere = partition >= 0 && partition < named.record.partitions;
      return isThere ? { kind: 'internal', topic: named } : NO_SUCH_PARTITION;
    }
    let topic = named ?? (await this.findTopic(reference));
    for (let isFresh = false; ; isFresh = true) {
      if (topic === undefined || (reference.id !== undefined && topic.record.id !== reference.id)) {
        return noSuchTopic(reference);
      }
      const known = partition >= 0 && partition < topic.record.partitions;
      if (known) {
        const open = await this.#journals.open(journalOf(topic, partition));
        if (open?.journal.view.closed === false) return { kind: 'open', topic, partition, open };
        if (isFresh && open !== undefined && this.#finishesDeletions) void this.#finishDeletion(topic);
      }
      if (isFresh || partition < 0) return known ? noSuchTopic(reference) : NO_SUCH_PARTITION;
      // Since it was remembered, the topic may have got more partitions, or may have been deleted
      // and created again.
      topic = await this.#topics.read(topic.record.name);
    }
  }

  /**
   * Finishes the deletion of a topic with a closed journal: the process that started it is slow or
   * has crashed.
   */
  async #finishDeletion(topic: Topic): Promise<void> {
    const { id } = topic.record;
    if (this.#finishing.has(id)) return;
    this.#finishing.add(id);
    const { clock, logger } = this.#journals.env;
    try {
      await deleteTopic({ topics: this.#topics, journals: this.#journals }, topic, clock.monotonic() + FINISH_MAX_MS);
    } catch (error) {
      logger.log('warn', { event: 'deletion_not_finished', topic: topic.record.name, message: String(error) });
    }
    this.#finishing.delete(id);
  }
}

/** Time-out for finishing a deletion; the next request for the topic tries again; ms. */
const FINISH_MAX_MS = 10_000;

const NO_SUCH_PARTITION: NotFound = { kind: 'failed', error: 'UNKNOWN_TOPIC_OR_PARTITION' };

/** The error for an unknown topic: Kafka has one for names and one for ids. */
export function noSuchTopic(reference: TopicReference): NotFound {
  return { kind: 'failed', error: reference.id === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID' };
}

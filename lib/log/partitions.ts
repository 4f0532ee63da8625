import type { ErrorName } from '../core/errors.ts';
import { type Uuid, ZERO_UUID } from '../core/uuid.ts';
import type { Journals, OpenJournal } from '../journal/open-journal.ts';
import { deleteTopic } from '../topics/delete-topic.ts';
import { isInternalTopic } from '../topics/topic-name.ts';
import { journalOf, type Topic, type Topics } from '../topics/topics.ts';

/** A topic as a request names it: by name, or by id where the name is empty. */
export interface TopicReference {
  readonly name: string;
  readonly id: Uuid;
}

/** A partition that can be worked with. */
export interface OpenPartition {
  readonly kind: 'open';
  readonly topic: Topic;
  readonly partition: number;
  readonly open: OpenJournal;
}

/** A partition of an internal topic, which is shown without records and takes none. */
export interface InternalPartition {
  readonly kind: 'internal';
  readonly topic: Topic;
}

export type Resolved = OpenPartition | InternalPartition | { readonly kind: 'failed'; readonly error: ErrorName };

/** Finds the journals behind the partitions that requests name. */
export class Partitions {
  readonly #topics: Topics;
  readonly #journals: Journals;
  readonly #finishesDeletions: boolean;
  readonly #finishing = new Set<Uuid>();

  /** @param finishesDeletions whether it marks topics as deleted that it finds closed but still there */
  constructor(topics: Topics, journals: Journals, finishesDeletions = true) {
    this.#topics = topics;
    this.#journals = journals;
    this.#finishesDeletions = finishesDeletions;
  }

  /** The topic without reading anything; undefined if that is not possible. */
  peekTopic(reference: TopicReference): Topic | undefined {
    return byId(reference) ? this.#topics.peekById(reference.id) : this.#topics.peek(reference.name);
  }

  /** The partition without reading anything; undefined if that is not possible. */
  peek(reference: TopicReference, partition: number): OpenPartition | undefined {
    const topic = this.peekTopic(reference);
    if (topic === undefined || partition < 0 || partition >= topic.record.partitions) return undefined;
    const open = this.#journals.peek(journalOf(topic, partition));
    if (open === undefined || open.journal.view.closed) return undefined;
    return { kind: 'open', topic, partition, open };
  }

  /** The partition, read from the store where it has to be. Throws StoreUnavailableError. */
  async resolve(reference: TopicReference, partition: number): Promise<Resolved> {
    const known = this.peek(reference, partition);
    if (known !== undefined) return known;
    const named = this.peekTopic(reference);
    if (named !== undefined && isInternalTopic(named.record.name)) {
      const isThere = partition >= 0 && partition < named.record.partitions;
      return isThere ? { kind: 'internal', topic: named } : NO_SUCH_PARTITION;
    }
    let topic = byId(reference) ? await this.#topics.getById(reference.id) : await this.#topics.get(reference.name);
    for (let isFresh = false; ; isFresh = true) {
      if (topic === undefined || (byId(reference) && topic.record.id !== reference.id)) return failed(reference);
      const known = partition >= 0 && partition < topic.record.partitions;
      if (known) {
        const open = await this.#journals.open(journalOf(topic, partition));
        if (open?.journal.view.closed === false) return { kind: 'open', topic, partition, open };
        if (isFresh && open !== undefined && this.#finishesDeletions) void this.#finishDeletion(topic);
      }
      if (isFresh || partition < 0) return known ? failed(reference) : NO_SUCH_PARTITION;
      // What is remembered may be from before the topic was given more partitions, or was deleted and created again.
      topic = await this.#topics.read(topic.record.name);
    }
  }

  /** A topic that is closed but still there: whoever was deleting it is slow, or is no more. */
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

/** How long finishing somebody else's deletion waits for the store; the next who finds the topic tries again; ms. */
const FINISH_MAX_MS = 10_000;

const NO_SUCH_PARTITION: Resolved = { kind: 'failed', error: 'UNKNOWN_TOPIC_OR_PARTITION' };

function byId(reference: TopicReference): boolean {
  return reference.name === '' && reference.id !== ZERO_UUID;
}

function failed(reference: TopicReference): Resolved {
  return { kind: 'failed', error: byId(reference) ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION' };
}

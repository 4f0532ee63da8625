import { journalOf, type Topic, type Topics } from '../admin/topics.ts';
import type { ErrorName } from '../core/errors.ts';
import { type Uuid, ZERO_UUID } from '../core/uuid.ts';
import type { Journals, OpenJournal } from '../journal/open-journal.ts';

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

export type Resolved = OpenPartition | { readonly kind: 'failed'; readonly error: ErrorName };

/** Finds the journals behind the partitions that requests name. */
export class Partitions {
  readonly #topics: Topics;
  readonly #journals: Journals;

  constructor(topics: Topics, journals: Journals) {
    this.#topics = topics;
    this.#journals = journals;
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
    let topic = byId(reference) ? await this.#topics.getById(reference.id) : await this.#topics.get(reference.name);
    const outdated = topic !== undefined && (partition >= topic.record.partitions || this.#isClosed(topic, partition));
    if (outdated) topic = await this.#topics.read(topic!.record.name);
    if (topic === undefined || (byId(reference) && topic.record.id !== reference.id)) return failed(reference);
    if (partition < 0 || partition >= topic.record.partitions) {
      return { kind: 'failed', error: 'UNKNOWN_TOPIC_OR_PARTITION' };
    }
    const open = await this.#journals.open(journalOf(topic, partition));
    if (open === undefined || open.journal.view.closed) return failed(reference);
    return { kind: 'open', topic, partition, open };
  }

  #isClosed(topic: Topic, partition: number): boolean {
    return partition >= 0 && this.#journals.peek(journalOf(topic, partition))?.journal.view.closed === true;
  }
}

function byId(reference: TopicReference): boolean {
  return reference.name === '' && reference.id !== ZERO_UUID;
}

function failed(reference: TopicReference): Resolved {
  return { kind: 'failed', error: byId(reference) ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION' };
}

import { MalformedBytesError } from '../../core/bytes.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';
import { isTopicRecord, type TopicRecord } from './topic.ts';

/**
 * A topic that is being made of Kafka's log files and does not exist yet. Its journals do. The item is
 * deleted once the topic exists. Its version is the store time at which the import last said that it
 * goes on, in ms.
 */
export interface TopicImport {
  readonly topic: TopicRecord;
  /** Of the batches in the files and of the topic's configs: only the same import goes on. */
  readonly digest: string;
  /** Producers with ids from here on were unknown to this deployment when the import began. */
  readonly producerIdsFrom: number;
  /** True once it was given up: no import goes on, and its journals are to be closed. */
  readonly isAbandoned: boolean;
  /** True once all is stored, and the topic may get its name at any moment. */
  readonly isNaming?: boolean;
}

/** All imports that have not ended, by topic name: the sort key is the name. */
export const IMPORTS_PK = 'imports';

const FORMAT = 1;

export function encodeTopicImport(record: TopicImport): Buffer {
  return encodeJsonBody(FORMAT, record);
}

/** Throws MalformedBytesError. */
export function decodeTopicImport(body: Buffer): TopicImport {
  const record = decodeJsonBody(FORMAT, body) as Partial<TopicImport> | null;
  const isWhole = isTopicRecord(record?.topic) && typeof record.digest === 'string';
  if (!isWhole) throw new MalformedBytesError('not the item of an import');
  return record as TopicImport;
}

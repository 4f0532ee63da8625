import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import { CorruptFileError } from './corrupt-file.ts';

/** Kafka's text file with the topic's id (PartitionMetadataFile). */
const VERSION = 0;

export function encodePartitionMetadata(topicId: Uuid): string {
  return `version: ${VERSION}\ntopic_id: ${topicId}`;
}

/** The topic's id. As in Kafka, later versions are read as far as they agree. Throws CorruptFileError. */
export function parsePartitionMetadata(file: string, text: string): Uuid {
  const [first = '', second = ''] = text.split('\n').map((line) => line.replace(/\r$/, ''));
  if (!/^version:\s+\d+$/.test(first)) throw new CorruptFileError(file, 0, `no version: ${JSON.stringify(first)}`);
  const [, topicId] = /^topic_id:\s+([A-Za-z0-9_-]{22})$/.exec(second) ?? [];
  if (topicId === undefined || topicId === ZERO_UUID) {
    throw new CorruptFileError(file, first.length + 1, `no topic id: ${JSON.stringify(second)}`);
  }
  return topicId;
}

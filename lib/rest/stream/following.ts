import type { Offset } from '../../core/offset.ts';
import type { Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { encodePlace } from './event-id.ts';
import type { StreamTopic } from './start.ts';

/** What a stream reads, and where it is. */
export interface Following {
  readonly topic: StreamTopic;
  /** The next offset to read, by partition. The stream moves them past what it sends. */
  readonly positions: Map<number, Offset>;
  /** How long a read may wait at most before `refresh` is due again; ms. */
  readonly waitMs: number;
  /** The place of the stream, for the next `id`. */
  place(): string;
  /**
   * Called before each read, when everything before has been sent. A refusal ends the stream, unless
   * it may be tried again. Throws StoreUnavailableError.
   */
  refresh(): Promise<Refusal | undefined>;
  /** Called when the stream ends in order. */
  end(): Promise<void>;
}

/** The most partitions of a stream: their offsets are in the id of every event, which comes back as a header. */
export const STREAM_PARTITIONS_MAX = 256;

/** How often it is looked whether there are more partitions; ms. */
const LOOK_MS = 5_000;

/**
 * Follows partitions without a group. Partitions that the topic gets are followed from their first
 * record on, unless the stream is one of some partitions.
 */
export function followPartitions(
  rest: RestEnvironment,
  topic: StreamTopic,
  positions: Map<number, Offset>,
  hasAll: boolean,
): Following {
  return {
    topic,
    positions,
    waitMs: LOOK_MS,
    place: () => encodePlace({ topicId: topic.id, positions }),
    async refresh() {
      if (!hasAll) return undefined;
      const partitions = (await rest.admin.topics.getById(topic.id))?.record.partitions ?? 0;
      for (let partition = 0; partition < Math.min(partitions, STREAM_PARTITIONS_MAX); partition++) {
        if (!positions.has(partition)) positions.set(partition, 0);
      }
      return undefined;
    },
    async end() {},
  };
}

import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';
import { restKey, restPks } from './rest-shard.ts';

/** A partition of a topic, which is known by its id: a topic that is created again is another one. */
export interface RestPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
}

/** What a consumer instance reads. */
export type RestSelection =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'topics'; readonly topics: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: string }
  /** Partitions that it assigned to itself, without the group. */
  | { readonly kind: 'partitions' };

/** Where an instance is in a partition. */
export interface RestPosition extends RestPartition {
  /** The next offset to read. */
  readonly offset: number;
  /** The offset that was last committed or read as committed; -1 for none. */
  readonly committed: number;
}

/**
 * A consumer instance of REST v2. It is all that a process needs to serve the instance's next
 * request. Changed by conditional puts: of two requests at the same time one loses.
 */
export interface RestConsumer {
  readonly group: string;
  readonly name: string;
  readonly format: 'binary' | 'json';
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none';
  readonly autoCommit: boolean;
  /** The least bytes to wait for. */
  readonly fetchMinBytes: number;
  /** How long a request for records waits at most; ms. */
  readonly requestTimeoutMs: number;
  readonly selection: RestSelection;
  /** Of the group's member that the instance stands for. */
  readonly memberId: string;
  /** 0: the member has to join. */
  readonly memberEpoch: number;
  /** The partitions that the instance reads. */
  readonly owned: readonly RestPartition[];
  readonly positions: readonly RestPosition[];
  /** When the instance was last used, to a third of its time-out. */
  readonly usedAt: StoreTime;
}

const FAMILY = 'consumers';
const FORMAT = 1;

export const REST_CONSUMER_PKS: readonly string[] = restPks(FAMILY);

export function restConsumerKey(group: string, name: string) {
  return restKey(FAMILY, [group, name]);
}

export function encodeRestConsumer(consumer: RestConsumer): Buffer {
  return encodeJsonBody(FORMAT, consumer);
}

/** Throws MalformedBytesError. */
export function decodeRestConsumer(body: Buffer): RestConsumer {
  const consumer = decodeJsonBody(FORMAT, body) as RestConsumer | null;
  const texts = [consumer?.group, consumer?.name, consumer?.memberId, consumer?.selection?.kind];
  const isWhole =
    texts.every((text) => typeof text === 'string') &&
    Number.isFinite(consumer?.usedAt) &&
    Array.isArray(consumer?.owned) &&
    Array.isArray(consumer?.positions);
  if (!isWhole) throw new MalformedBytesError('a consumer instance lacks what every one has');
  return consumer!;
}

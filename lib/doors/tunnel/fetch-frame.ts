import { createHash } from 'node:crypto';
import { APIS } from '../../broker/apis.ts';
import { notServed } from '../../broker/served.ts';
import { ApiKey } from '../../wire/api-key.ts';
import { decodeRequest, type RequestFrame } from '../../wire/frame.ts';
import { Fetch } from '../../wire/messages/01-fetch.ts';

/** What the tunnel needs to know of a Fetch request. */
export interface FetchFrame {
  /** The same for requests that are answered alike, apart from the order of their partitions. */
  readonly key: string;
  /** How long the client waits for records; ms. */
  readonly maxWaitMs: number;
}

/**
 * Decodes a Fetch request of a served version, or returns the reason why it cannot be decoded.
 * Clients name the partitions in changing order (librdkafka begins with another one each time).
 */
export function readFetchFrame(frame: RequestFrame): FetchFrame | { readonly problem: string } {
  const outcome = decodeRequest(frame, () => ({ api: Fetch, ...APIS.Fetch }));
  if (outcome.kind === 'malformed') return { problem: `malformed request: ${outcome.reason}` };
  const { apiVersion } = frame.head;
  if (outcome.kind !== 'request') return { problem: notServed(ApiKey.Fetch, apiVersion) };
  const { maxWaitMs, topics, ...rest } = outcome.body;
  const partitions = topics.flatMap(({ topic, topicId, partitions: asked }) =>
    asked.map((partition) => JSON.stringify([topic, topicId, partition])),
  );
  const key = createHash('sha256')
    .update(JSON.stringify([apiVersion, rest, partitions.sort()]))
    .digest('base64');
  return { key, maxWaitMs: Math.max(0, maxWaitMs) };
}

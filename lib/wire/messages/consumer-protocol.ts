import { Reader } from '../reader.ts';
import { array, bytes, int32, string } from '../schema/field.ts';
import { type Infer, type InferInput, message, readMessage, writeMessage } from '../schema/message.ts';
import { Writer } from '../writer.ts';

/**
 * The metadata of a consumer in JoinGroup (classic group protocol), without the preceding int16
 * version. 1 adds the partitions owned, for cooperative rebalances (KIP-429), 2 the generation, 3
 * the rack.
 */
export const ConsumerProtocolSubscription = message('ConsumerProtocolSubscription', '0-3', 'none', {
  topics: array(string()),
  userData: bytes({ nullable: true, default: null }),
  ownedPartitions: array({ topic: string(), partitions: array(int32()) }, '1+', { ignorable: true }),
  generationId: int32('2+', { default: -1, ignorable: true }),
  rackId: string('3+', { nullable: true, default: null, ignorable: true }),
});

/** A member's assignment in SyncGroup, without the preceding int16 version. */
export const ConsumerProtocolAssignment = message('ConsumerProtocolAssignment', '0-3', 'none', {
  assignedPartitions: array({ topic: string(), partitions: array(int32()) }),
  userData: bytes({ nullable: true, default: null }),
});

type Payload = typeof ConsumerProtocolSubscription | typeof ConsumerProtocolAssignment;

/**
 * Reads a payload that starts with its version. An unknown later version is read as the newest
 * known one and the rest is ignored, as Kafka's ConsumerProtocol does: later versions only append.
 * Throws DecodeError.
 */
export function decodeConsumerProtocol<P extends Payload>(payload: P, buffer: Buffer): Infer<P> {
  const reader = new Reader(buffer);
  const version = reader.int16();
  if (version < payload.versions.min) throw reader.invalid(`a version of at least ${payload.versions.min}`);
  return readMessage(payload, Math.min(version, payload.versions.max), reader);
}

/**
 * The topics of a subscription of any version. Every version starts with the topics, followed by
 * the user data. The rest is not read and may be missing or malformed. Source: Kafka's
 * ClassicGroup.computeSubscribedTopics. Throws DecodeError.
 */
export function decodeSubscribedTopics(buffer: Buffer): readonly string[] {
  const reader = new Reader(buffer);
  reader.int16();
  return readMessage(ConsumerProtocolSubscription, ConsumerProtocolSubscription.versions.min, reader).topics;
}

/** A payload that starts with its version. Throws EncodeError. */
export function encodeConsumerProtocol<P extends Payload>(payload: P, version: number, value: InferInput<P>): Buffer {
  const writer = new Writer();
  writer.int16(version);
  writeMessage(payload, version, value, writer);
  return writer.toBuffer();
}

import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import {
  type CheckpointItem,
  decodeCheckpointItem,
  encodeCheckpointItem,
} from '../../../lib/storage/items/checkpoint.ts';
import { decodeCluster, encodeCluster } from '../../../lib/storage/items/cluster.ts';
import { decodeNextProducerId, encodeNextProducerId } from '../../../lib/storage/items/producer-id-block.ts';
import { decodeTopic, encodeTopic, type TopicRecord } from '../../../lib/storage/items/topic.ts';

const topic: TopicRecord = {
  id: 'RFgp4x1BT7yvH2hLkVZK8A',
  name: 'orders',
  partitions: 3,
  journals: 2,
  replicationFactor: 1,
  configs: { 'retention.ms': '-1' },
  createdAt: 5,
  deletedAt: 6,
};
const inline: CheckpointItem = { kind: 'inline', bytes: Buffer.from('view') };
const blob: CheckpointItem = { kind: 'blob', key: 'checkpoint/a/0/1-x' };

const ITEMS = [
  ['a topic', encodeTopic(topic), decodeTopic, topic],
  ['a cluster', encodeCluster('c'), decodeCluster, 'c'],
  ['the next producer id', encodeNextProducerId(2 ** 53 - 1), decodeNextProducerId, 2 ** 53 - 1],
  ['a checkpoint', encodeCheckpointItem(inline), decodeCheckpointItem, inline],
  ['a checkpoint in an object', encodeCheckpointItem(blob), decodeCheckpointItem, blob],
] as const;

describe.each(ITEMS)('the item of %s', (_, body, decode, value) => {
  it('comes back as it was', () => {
    expect(decode(body)).toEqual(value);
  });

  it('begins with its format, and one of another format is malformed', () => {
    expect(body[0]).toBe(1);
    expect(() => decode(Buffer.concat([Buffer.of(2), body.subarray(1)]))).toThrow(MalformedBytesError);
    expect(() => decode(Buffer.alloc(0))).toThrow(MalformedBytesError);
  });

  it('cut off is malformed', () => {
    expect(() => decode(body.subarray(0, -1))).toThrow(MalformedBytesError);
  });
});

const json = (value: unknown) => Buffer.concat([Buffer.of(1), Buffer.from(JSON.stringify(value))]);

describe('JSON that is something else', () => {
  it.each([null, 1, 'x', [], {}, { next: -1 }, { next: 0.5 }, { next: '1' }, { next: null }])(
    'is no next producer id: %j',
    (value) => {
      expect(() => decodeNextProducerId(json(value))).toThrow(MalformedBytesError);
    },
  );

  it.each([null, {}, { clusterId: '' }, { clusterId: 3 }])('is no cluster: %j', (value) => {
    expect(() => decodeCluster(json(value))).toThrow(MalformedBytesError);
  });

  it.each([
    null,
    {},
    { ...topic, id: 3 },
    { ...topic, name: undefined },
    { ...topic, partitions: 0 },
    { ...topic, partitions: 1.5 },
    { ...topic, journals: 0 },
    { ...topic, configs: null },
  ])('is no topic: %j', (value) => {
    expect(() => decodeTopic(json(value))).toThrow(MalformedBytesError);
  });
});

import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import {
  type CheckpointItem,
  decodeCheckpointItem,
  encodeCheckpointItem,
} from '../../../../lib/storage/items/checkpoint.ts';
import { CLUSTER_PK, CLUSTER_SK, decodeCluster, encodeCluster } from '../../../../lib/storage/items/cluster.ts';
import { decodeLeader, encodeLeader, LEADERS_PK, type LeaderRecord } from '../../../../lib/storage/items/leader.ts';
import { decodeNode, encodeNode, NODES_PK, type NodeRecord, nodeSk } from '../../../../lib/storage/items/node.ts';
import {
  decodeNextProducerId,
  encodeNextProducerId,
  PRODUCER_IDS_PK,
  PRODUCER_IDS_SK,
} from '../../../../lib/storage/items/producer-id-block.ts';
import {
  decodeTopic,
  encodeTopic,
  TOPIC_IDS_PK,
  TOPICS_PK,
  type TopicRecord,
} from '../../../../lib/storage/items/topic.ts';
import {
  encodeTransactionIndexEntry,
  keyOfTransactionDue,
  transactionDueSk,
  transactionDueSkEnd,
} from '../../../../lib/storage/items/transaction-index.ts';
import {
  decodeTransactionLevel,
  encodeTransactionLevel,
  TRANSACTION_LEVEL_PK,
  TRANSACTION_LEVEL_SK,
} from '../../../../lib/storage/items/transaction-level.ts';
import {
  decodeTransactionProducer,
  encodeTransactionProducer,
  TRANSACTION_PRODUCER_SK,
  transactionProducerPk,
} from '../../../../lib/storage/items/transaction-producer.ts';

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
const node: NodeRecord = {
  nodeId: 3,
  incarnation: 'x',
  listeners: [{ name: 'PLAINTEXT', host: 'h', port: 9092 }],
  rack: null,
  at: 5,
  sessionMs: 9_000,
  left: false,
};
const leader: LeaderRecord = { journal: 'a/0', leaderEpoch: 2, leader: 3 };
const inline: CheckpointItem = { kind: 'inline', bytes: Buffer.from('view') };
const blob: CheckpointItem = { kind: 'blob', key: 'checkpoint/a/0/1-x' };

const ITEMS = [
  ['a topic', encodeTopic(topic), decodeTopic, topic],
  ['a cluster', encodeCluster('c'), decodeCluster, 'c'],
  ['a level of transaction.version', encodeTransactionLevel(1), decodeTransactionLevel, 1],
  ['the next producer id', encodeNextProducerId(2 ** 53 - 1), decodeNextProducerId, 2 ** 53 - 1],
  ['a checkpoint', encodeCheckpointItem(inline), decodeCheckpointItem, inline],
  ['a checkpoint in an object', encodeCheckpointItem(blob), decodeCheckpointItem, blob],
  ['a node', encodeNode(node), decodeNode, node],
  ['a leader', encodeLeader(leader), decodeLeader, leader],
  ['a transactional producer', encodeTransactionProducer('pay "1"'), decodeTransactionProducer, 'pay "1"'],
] as const;

/** A change of these needs a new format, and programs that read the old one as well. */
const GOLDEN: Readonly<Record<string, string>> = {
  'a topic':
    '\x01{"id":"RFgp4x1BT7yvH2hLkVZK8A","name":"orders","partitions":3,"journals":2,"replicationFactor":1,' +
    '"configs":{"retention.ms":"-1"},"createdAt":5,"deletedAt":6}',
  'a cluster': '\x01{"clusterId":"c"}',
  'a level of transaction.version': '\x01{"level":1}',
  'the next producer id': '\x01{"next":9007199254740991}',
  'a checkpoint': '\x01\x00\x04view',
  'a checkpoint in an object': '\x01\x01\x12checkpoint/a/0/1-x',
  'a node':
    '\x01{"nodeId":3,"incarnation":"x","listeners":[{"name":"PLAINTEXT","host":"h","port":9092}],"rack":null,' +
    '"at":5,"sessionMs":9000,"left":false}',
  'a leader': '\x01{"journal":"a/0","leaderEpoch":2,"leader":3}',
  'a transactional producer': '\x01{"transactionalId":"pay \\"1\\""}',
};

describe.each(ITEMS)('the item of %s', (what, body, decode, value) => {
  it('comes back as it was', () => {
    expect(decode(body)).toEqual(value);
  });

  it('has the bytes that it has always had', () => {
    expect(body.toString()).toBe(GOLDEN[what]);
    expect(decode(Buffer.from(GOLDEN[what]!))).toEqual(value);
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

  it.each([null, {}, { transactionalId: 3 }])('is no transactional producer: %j', (value) => {
    expect(() => decodeTransactionProducer(json(value))).toThrow(MalformedBytesError);
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

it('the keys of the items are what they have always been', () => {
  expect([TOPICS_PK, TOPIC_IDS_PK, CLUSTER_PK, CLUSTER_SK, PRODUCER_IDS_PK, PRODUCER_IDS_SK]).toEqual([
    'topics',
    'topic-ids',
    'cluster',
    'cluster',
    'producer-ids',
    'next',
  ]);
  expect([TRANSACTION_LEVEL_PK, TRANSACTION_LEVEL_SK]).toEqual(['cluster', 'transaction.version']);
  expect([NODES_PK, nodeSk(3), LEADERS_PK]).toEqual(['nodes', '0000000003', 'leaders']);
  expect([transactionProducerPk(7), TRANSACTION_PRODUCER_SK]).toEqual(['producer/7', 'transactional-id']);
});

describe('the lists of transactional ids', () => {
  it('have these bytes and keys', () => {
    expect(encodeTransactionIndexEntry().toString()).toBe('\x01{}');
    expect(transactionDueSk('a/b', 1_763_000_000_000.2)).toBe('001763000000001/a/b');
    expect(keyOfTransactionDue('001763000000001/a/\nb')).toBe('a/\nb');
    expect(() => keyOfTransactionDue('1763000000001/a')).toThrow(MalformedBytesError);
  });

  it('sort by time', () => {
    const now = 1_763_000_000_000;
    const end = transactionDueSkEnd(now);
    expect(transactionDueSk('zzz', now) < end && transactionDueSk('', now + 1) >= end).toBe(true);
  });
});

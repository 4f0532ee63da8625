import { describe, expect, it } from 'vitest';
import type { TopicRecord } from '../../../lib/storage/items/topic.ts';
import { effectiveConfig, topicConfigProblem } from '../../../lib/topics/topic-configs.ts';
import { isInternalTopic, isReservedTopic, topicNameProblem } from '../../../lib/topics/topic-name.ts';
import { DEFAULTS } from './world.ts';

describe('a topic name', () => {
  it.each(['a', 'A.b_c-9', '...', '.a', '-', '__consumer_offsets', 'x'.repeat(249)])('may be %s', (name) => {
    expect(topicNameProblem(name)).toBeUndefined();
  });

  it.each(['', '.', '..', 'a b', 'a/b', 'a:b', 'ä', 'a\n', 'a\0', '日', 'x'.repeat(250)])('may not be %j', (name) => {
    expect(topicNameProblem(name)).toBeTypeOf('string');
  });

  it('of the system is marked', () => {
    expect(['__consumer_offsets', '__transaction_state', '__other', 'a'].map(isInternalTopic)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('a name of the system', () => {
  it.each([
    ['__consumer_offsets', true, true],
    ['__transaction_state', true, true],
    ['__share_group_state', true, true],
    ['__cluster_metadata', false, true],
    ['__consumer_offsets_', false, false],
    ['__other', false, false],
    ['a', false, false],
  ])('%s: internal %j, reserved %j', (name, internal, reserved) => {
    expect([isInternalTopic(name), isReservedTopic(name)]).toEqual([internal, reserved]);
  });
});

describe('a topic config', () => {
  it.each([
    ['retention.ms', '-1'],
    ['retention.ms', '9223372036854775807'],
    ['cleanup.policy', 'compact'],
    ['cleanup.policy', 'compact, delete'],
    ['cleanup.policy', ''],
    ['preallocate', 'TRUE'],
    ['retention.ms', '+5'],
    ['follower.replication.throttled.replicas', '0:1, 1:2'],
    ['compression.type', 'zstd'],
    ['message.timestamp.type', 'LogAppendTime'],
    ['min.cleanable.dirty.ratio', '0.5'],
    ['max.message.bytes', '0'],
    ['preallocate', 'false'],
    ['tidelog.journals', '64'],
    ['follower.replication.throttled.replicas', '*'],
  ])('%s may be %s', (name, value) => {
    expect(topicConfigProblem(name, value)).toBeUndefined();
  });

  it.each([
    ['retention.ms', '-2'],
    ['retention.ms', '1e3'],
    ['retention.ms', ''],
    ['cleanup.policy', 'compact,none'],
    ['compression.type', 'ZSTD'],
    ['message.timestamp.type', 'now'],
    ['min.cleanable.dirty.ratio', '1.1'],
    ['min.cleanable.dirty.ratio', ''],
    ['max.message.bytes', String(64 * 1024 * 1024 + 1)],
    ['preallocate', 'yes'],
    ['max.message.bytes', '2147483648'],
    ['retention.ms', '9223372036854775808'],
    ['min.cleanable.dirty.ratio', 'Infinity'],
    ['follower.replication.throttled.replicas', '1'],
    ['tidelog.journals', '0'],
    ['no.such.config', '1'],
    ['constructor', '1'],
    ['__proto__', '1'],
    ['retention.ms', null],
  ])('%s may not be %j', (name, value) => {
    expect(topicConfigProblem(name, value)).toContain(name);
  });

  it('stands over the default', () => {
    const topic: TopicRecord = {
      id: 'id',
      name: 'n',
      partitions: 1,
      journals: 1,
      replicationFactor: 1,
      configs: {},
      createdAt: 0,
    };
    const { cleanupPolicy, ...rest } = DEFAULTS;
    expect(effectiveConfig(topic, DEFAULTS)).toEqual({
      ...rest,
      compacted: cleanupPolicy === 'compact',
      deletes: true,
    });
    const configs = { 'max.message.bytes': '5', 'cleanup.policy': 'delete, compact', 'compression.type': 'lz4' };
    expect(effectiveConfig({ ...topic, configs }, DEFAULTS)).toMatchObject({
      maxMessageBytes: 5,
      compacted: true,
      deletes: true,
      compressionType: 'lz4',
      timestampType: 'CreateTime',
    });
    const more = {
      'retention.ms': '-1',
      'retention.bytes': '-7',
      'segment.ms': '9223372036854775807',
      'min.cleanable.dirty.ratio': '0.25',
      'cleanup.policy': 'compact',
    };
    expect(effectiveConfig({ ...topic, configs: more }, DEFAULTS)).toMatchObject({
      retentionMs: -1,
      retentionBytes: -1,
      segmentMs: Number.MAX_SAFE_INTEGER,
      minCleanableDirtyRatio: 0.25,
      deletes: false,
    });
  });
});

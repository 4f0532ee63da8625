import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import {
  decodeRestConsumer,
  encodeRestConsumer,
  REST_CONSUMER_PKS,
  type RestConsumer,
  restConsumerKey,
} from '../../../../lib/storage/items/rest-consumer.ts';
import {
  decodeRestIdempotency,
  encodeRestIdempotency,
  REST_IDEMPOTENCY_PKS,
  type RestIdempotency,
  restIdempotencyKey,
} from '../../../../lib/storage/items/rest-idempotency.ts';

const consumer: RestConsumer = {
  group: 'g',
  name: 'one',
  format: 'json',
  autoOffsetReset: 'earliest',
  autoCommit: true,
  fetchMinBytes: -1,
  requestTimeoutMs: 1_000,
  selection: { kind: 'topics', topics: ['t'] },
  memberId: 'm',
  memberEpoch: 3,
  owned: [{ topic: 't', topicId: 'id', partition: 0 }],
  positions: [{ topic: 't', topicId: 'id', partition: 0, offset: 7, committed: 5 }],
  usedAt: 9,
};

const key: RestIdempotency = { producerId: 4, bodyHash: 'h', partitions: 3, sticky: 1, timestamp: 8, at: 9 };

/** A change of these needs a new format, and programs that read the old one as well. */
const ITEMS = [
  [
    'a consumer instance',
    encodeRestConsumer(consumer),
    decodeRestConsumer,
    consumer,
    '\x01{"group":"g","name":"one","format":"json","autoOffsetReset":"earliest","autoCommit":true,"fetchMinBytes":-1,' +
      '"requestTimeoutMs":1000,"selection":{"kind":"topics","topics":["t"]},"memberId":"m","memberEpoch":3,' +
      '"owned":[{"topic":"t","topicId":"id","partition":0}],' +
      '"positions":[{"topic":"t","topicId":"id","partition":0,"offset":7,"committed":5}],"usedAt":9}',
  ],
  [
    'an idempotency key',
    encodeRestIdempotency(key),
    decodeRestIdempotency,
    key,
    '\x01{"producerId":4,"bodyHash":"h","partitions":3,"sticky":1,"timestamp":8,"at":9}',
  ],
] as const;

describe.each(ITEMS)('the item of %s', (_, body, decode, value, golden) => {
  it('has the bytes that it has always had, and comes back as it was', () => {
    expect(body.toString()).toBe(golden);
    expect(decode(Buffer.from(golden))).toEqual(value);
  });

  it('is malformed in another format, cut off, or without what every one has', () => {
    const wrong = [
      Buffer.concat([Buffer.of(2), body.subarray(1)]),
      body.subarray(0, -1),
      Buffer.from('\x01{}'),
      Buffer.from('\x01null'),
    ];
    for (const one of wrong) expect(() => decode(one)).toThrow(MalformedBytesError);
  });
});

describe('the keys', () => {
  it('are spread over a few partition keys, and hash names of any form', () => {
    expect(REST_CONSUMER_PKS).toEqual(['0', '1', '2', '3'].map((shard) => `rest/consumers/${shard}`));
    expect(REST_IDEMPOTENCY_PKS).toEqual(['0', '1', '2', '3'].map((shard) => `rest/idempotency/${shard}`));
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '\u0000'.repeat(300)].map((name) =>
      restConsumerKey('g', name),
    );
    expect(new Set(keys.map(({ sk }) => sk)).size).toBe(keys.length);
    for (const { pk, sk } of keys) {
      expect(REST_CONSUMER_PKS).toContain(pk);
      expect(sk).toMatch(/^[A-Za-z0-9_-]{43}$/);
    }
    expect(restConsumerKey('a', 'b/c')).not.toEqual(restConsumerKey('a/b', 'c'));
    expect(restIdempotencyKey('User:a', 't', 'k')).not.toEqual(restIdempotencyKey('User:b', 't', 'k'));
  });
});

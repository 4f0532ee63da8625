import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../lib/core/assert.ts';
import { murmur2, partitionForKey } from '../../../lib/records/murmur2.ts';

const require = createRequire(import.meta.url);
const oracle = require('kafkajs/src/producer/partitioners/default/murmur2.js') as (key: Buffer) => number;

describe('murmur2', () => {
  // From org.apache.kafka.common.utils.Utils.murmur2 of Kafka 4.1.0.
  it.each([
    ['', 275646681],
    ['a', -1563381124],
    ['ab', 316155434],
    ['abc', 479470107],
    ['abcd', -1323649548],
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['größe', 588164084],
  ])('of %j is %i', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('agrees with another client', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (key) => murmur2(key) === oracle(Buffer.from(key))));
  });
});

describe('partitionForKey', () => {
  it('makes the hash positive by dropping its sign, as Kafka does', () => {
    expect(partitionForKey(Buffer.from('a'), 100)).toBe((-1563381124 & 0x7fffffff) % 100);
    expect(partitionForKey(Buffer.from('foobar'), 7)).toBe((-790332482 & 0x7fffffff) % 7);
  });

  it('refuses a topic without partitions', () => {
    expect(() => partitionForKey(Buffer.from('a'), 0)).toThrow(AssertionError);
  });
});

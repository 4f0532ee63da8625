import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../lib/wire/errors.ts';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  decodeConsumerProtocol,
  encodeConsumerProtocol,
} from '../../../lib/wire/messages/consumer-protocol.ts';

describe('the consumer protocol', () => {
  it('carries its version in front', () => {
    const assignedPartitions = [{ topic: 't', partitions: [0, 2] }];
    const bytes = encodeConsumerProtocol(ConsumerProtocolAssignment, 1, { assignedPartitions });
    expect(bytes.toString('hex')).toBe(
      '0001' + '00000001' + '000174' + '00000002' + '00000000' + '00000002' + 'ffffffff',
    );
    expect(decodeConsumerProtocol(ConsumerProtocolAssignment, bytes)).toEqual({ assignedPartitions, userData: null });
  });

  it('reads versions from the future as the newest it knows, and older ones with defaults', () => {
    const value = { topics: ['a'], userData: null, ownedPartitions: [], generationId: 4, rackId: 'r' };
    const bytes = encodeConsumerProtocol(ConsumerProtocolSubscription, 3, value);
    const future = Buffer.concat([bytes, Buffer.from('new')]);
    future.writeInt16BE(9, 0);
    expect(decodeConsumerProtocol(ConsumerProtocolSubscription, future)).toEqual(value);
    const old = encodeConsumerProtocol(ConsumerProtocolSubscription, 0, value);
    expect(decodeConsumerProtocol(ConsumerProtocolSubscription, old)).toEqual({
      ...value,
      generationId: -1,
      rackId: null,
    });
  });

  it('refuses a negative version and payloads that are cut off', () => {
    expect(() => decodeConsumerProtocol(ConsumerProtocolSubscription, Buffer.from('ffff00000000', 'hex'))).toThrow(
      DecodeError,
    );
    expect(() => decodeConsumerProtocol(ConsumerProtocolSubscription, Buffer.from('0000', 'hex'))).toThrow(DecodeError);
    expect(() => decodeConsumerProtocol(ConsumerProtocolSubscription, Buffer.alloc(0))).toThrow(DecodeError);
  });
});

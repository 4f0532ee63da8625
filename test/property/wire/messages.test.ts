import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../lib/wire/errors.ts';
import { decodeMessage, encodeMessage } from '../../support/messages.ts';
import { allMessages, arbitraryMessage, versionsOf } from './arbitrary.ts';

/** Enough for every field to be null, empty, and filled at some version; more runs found nothing new. */
const RUNS_PER_VERSION = 6;
const FUZZ_RUNS_PER_VERSION = 3;

const named = allMessages.map((message) => [message.name, message] as const);

/** Array elements and struct fields in a decoded value: what its size in memory grows with. */
function countNodes(value: unknown): number {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return 1;
  let nodes = 1;
  for (const inner of Object.values(value)) nodes += countNodes(inner);
  return nodes;
}

/** A byte of input may stand for one element, and an element has fields that a version lacks and that get their defaults. */
const NODES_PER_BYTE_MAX = 24;

/** Decodes what may be broken; fails the test for any error but DecodeError and for more memory than the input justifies. */
function decodeHostile(message: (typeof allMessages)[number], version: number, bytes: Buffer): void {
  try {
    const value = decodeMessage(message, version, bytes);
    expect(countNodes(value)).toBeLessThanOrEqual(NODES_PER_BYTE_MAX * (bytes.length + 1));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
  }
}

describe.each(named)('%s', (_, message) => {
  it('gives back at every version what went in', () => {
    for (const version of versionsOf(message)) {
      const property = fc.property(arbitraryMessage(message, version), (value) => {
        expect(decodeMessage(message, version, encodeMessage(message, version, value))).toEqual(value);
      });
      fc.assert(property, { numRuns: RUNS_PER_VERSION });
    }
  });

  it('refuses every proper prefix of a message, and bytes after it', () => {
    for (const version of versionsOf(message)) {
      const property = fc.property(arbitraryMessage(message, version), (value) => {
        const bytes = encodeMessage(message, version, value);
        for (let length = 0; length < bytes.length; length++) {
          expect(() => decodeMessage(message, version, bytes.subarray(0, length))).toThrow(DecodeError);
        }
        expect(() => decodeMessage(message, version, Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(DecodeError);
      });
      fc.assert(property, { numRuns: 1 });
    }
  });

  it('answers flipped bits and noise with a DecodeError or a value of bounded size', () => {
    for (const version of versionsOf(message)) {
      const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 7 })), { minLength: 1, maxLength: 4 });
      const flipped = fc.property(arbitraryMessage(message, version), flips, (value, bits) => {
        const bytes = encodeMessage(message, version, value);
        if (bytes.length === 0) return;
        for (const [at, bit] of bits) bytes[at % bytes.length]! ^= 1 << bit;
        decodeHostile(message, version, bytes);
      });
      fc.assert(flipped, { numRuns: FUZZ_RUNS_PER_VERSION });
      const noise = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeHostile(message, version, Buffer.from(bytes));
      });
      fc.assert(noise, { numRuns: FUZZ_RUNS_PER_VERSION });
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../../../lib/doors/tcp/frame-reader.ts';
import { scaled } from '../../../support/machine.ts';
import { withSize } from '../../../support/raw-client.ts';

const MIB = 1024 * 1024;

function readAll(reader: FrameReader, chunk: Buffer): Buffer[] {
  reader.push(chunk);
  const frames: Buffer[] = [];
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(Buffer.from(frame));
  return frames;
}

function size(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

describe('FrameReader', () => {
  it('finds the same frames however the stream is cut', () => {
    const frame = fc.uint8Array({ minLength: 8, maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 400 })), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(withSize));
        const reader = new FrameReader(1 * MIB);
        const read: Buffer[] = [];
        let position = 0;
        for (let turn = 0; position < stream.length; turn++) {
          const length = cuts[turn % (cuts.length || 1)] ?? 1;
          read.push(...readAll(reader, stream.subarray(position, position + length)));
          position += length;
        }
        expect(read).toEqual(frames);
        expect(reader.problem).toBeUndefined();
        expect(reader.hasPartialFrame).toBe(false);
      }),
    );
  });

  it('knows that a frame has begun from its first byte on', () => {
    const reader = new FrameReader(1 * MIB);
    readAll(reader, Buffer.from([0]));
    expect(reader.hasPartialFrame).toBe(true);
    readAll(reader, Buffer.from([0, 0, 8, 1, 2, 3, 4, 5, 6, 7]));
    expect(reader.hasPartialFrame).toBe(true);
    expect(readAll(reader, Buffer.from([8]))).toEqual([Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])]);
    expect(reader.hasPartialFrame).toBe(false);
  });

  it('commits memory only as bytes arrive', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 200 }, () => new FrameReader(100 * MIB));
    for (const reader of readers) readAll(reader, Buffer.concat([size(100 * MIB), Buffer.alloc(16)]));
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(readers.every((reader) => reader.hasPartialFrame)).toBe(true);
    expect(grown).toBeLessThan(32 * MIB);
  });

  it('reads a frame of 100 MiB in pieces of 64 KiB without copying it again and again', () => {
    const reader = new FrameReader(100 * MIB);
    const piece = Buffer.alloc(64 * 1024, 7);
    const startedAt = performance.now();
    let frames = readAll(reader, size(100 * MIB));
    for (let sent = 0; sent < 100 * MIB; sent += piece.length) {
      reader.push(piece);
      const frame = reader.next();
      if (frame !== undefined) frames = [frame];
    }
    expect(frames.map((frame) => frame.length)).toEqual([100 * MIB]);
    // One copy takes about 0.1 s; a copy per piece would take minutes.
    expect(performance.now() - startedAt).toBeLessThan(scaled(5_000));
  });

  it.each([
    [-1, 'a request announced -1 bytes'],
    [0, 'a request of 0 bytes is shorter than a request header'],
    [7, 'a request of 7 bytes is shorter than a request header'],
    [1 * MIB + 1, 'a request of 1048577 bytes is larger than socket.request.max.bytes, 1048576'],
    [0x16030100, 'TLS'],
    [Buffer.from('GET ').readInt32BE(), 'HTTP'],
  ])('refuses the size %i', (announced, problem) => {
    const reader = new FrameReader(1 * MIB);
    expect(readAll(reader, size(announced))).toEqual([]);
    expect(reader.problem).toContain(problem);
  });

  it('takes sizes at both limits', () => {
    const reader = new FrameReader(1 * MIB);
    expect(readAll(reader, withSize(Buffer.alloc(8)))).toHaveLength(1);
    expect(readAll(reader, withSize(Buffer.alloc(1 * MIB)))).toHaveLength(1);
  });

  it('still gives the frames before a bad size', () => {
    const reader = new FrameReader(1 * MIB);
    expect(readAll(reader, Buffer.concat([withSize(Buffer.alloc(9)), size(-5)]))).toHaveLength(1);
    expect(reader.problem).toContain('-5');
  });
});

import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  Codec,
  canCompress,
  codecByName,
  codecName,
  compress,
  decompress,
  isCodecId,
} from '../../../../lib/records/compression/codec.ts';
import { zstdCanEncode } from '../../../../lib/records/compression/zstd.ts';
import { TIDE } from './samples.ts';

const MALFORMED = expect.objectContaining({ name: 'CompressionError', kind: 'malformed' });
const TOO_LARGE = expect.objectContaining({ name: 'CompressionError', kind: 'tooLarge' });

describe('codecs', () => {
  it('have the codes and names of Kafka', () => {
    expect([0, 1, 2, 3, 4].map(codecName)).toEqual(['none', 'gzip', 'snappy', 'lz4', 'zstd']);
    expect([5, 6, 7, -1, 0.5].map(codecName)).toEqual(Array(5).fill(undefined));
    expect([0, 4, 5].map(isCodecId)).toEqual([true, true, false]);
    expect(['none', 'gzip', 'snappy', 'lz4', 'zstd'].map(codecByName)).toEqual([0, 1, 2, 3, 4]);
    expect(['producer', 'uncompressed', 'GZIP', 'toString', ''].map(codecByName)).toEqual(Array(5).fill(undefined));
  });

  it('encode everywhere, but for zstd on older runtimes', () => {
    expect(Object.values(Codec).map(canCompress)).toEqual([true, true, true, true, zstdCanEncode]);
  });

  it('with none hands back the same bytes, within the bound', () => {
    expect(compress(Codec.none, TIDE)).toBe(TIDE);
    expect(decompress(Codec.none, TIDE, TIDE.length)).toBe(TIDE);
    expect(() => decompress(Codec.none, TIDE, TIDE.length - 1)).toThrow(TOO_LARGE);
  });
});

describe('gzip', () => {
  it('goes both ways, in several members too', () => {
    expect(gunzipSync(compress(Codec.gzip, TIDE)).equals(TIDE)).toBe(true);
    const members = Buffer.concat([gzipSync('ab'), gzipSync('cd')]);
    expect(decompress(Codec.gzip, members, 4).toString()).toBe('abcd');
  });

  it('keeps to the bound and refuses nonsense', () => {
    const data = gzipSync(TIDE);
    expect(() => decompress(Codec.gzip, data, TIDE.length - 1)).toThrow(TOO_LARGE);
    expect(() => decompress(Codec.gzip, gzipSync('a'), 0)).toThrow(TOO_LARGE);
    expect(decompress(Codec.gzip, gzipSync(''), 0)).toHaveLength(0);
    expect(() => decompress(Codec.gzip, data.subarray(0, -1), TIDE.length)).toThrow(MALFORMED);
    expect(() => decompress(Codec.gzip, Buffer.from('plain'), 100)).toThrow(MALFORMED);
    expect(() => decompress(Codec.gzip, Buffer.alloc(0), 100)).toThrow(MALFORMED);
  });
});

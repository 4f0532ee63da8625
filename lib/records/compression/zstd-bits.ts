import { malformed } from './error.ts';

/**
 * Bits read from the end of `data[start, end)` towards its start, as zstd's entropy coders write
 * them: the highest bit that is set in the last byte marks where they begin.
 */
export class ReverseBits {
  private readonly data: Buffer;
  private readonly start: number;
  /** Unread bits; negative when more were read than there are. Missing bits read as zero. */
  left: number;

  constructor(data: Buffer, start: number, end: number) {
    const last = start < end ? data[end - 1]! : 0;
    if (last === 0) throw malformed('zstd bit stream has no end mark');
    this.data = data;
    this.start = start;
    this.left = (end - start - 1) * 8 + 31 - Math.clz32(last);
  }

  /** The next `count` bits, 24 at most, without consuming them. */
  peek(count: number): number {
    const from = this.left - count;
    if (from < 0) return from <= -count ? 0 : this.bits(0, this.left) << -from;
    return this.bits(from, count);
  }

  /** The next `count` bits, 31 at most. */
  read(count: number): number {
    if (count > 24) {
      const high = this.read(count - 16);
      return high * 65_536 + this.read(16);
    }
    const value = this.peek(count);
    this.left -= count;
    return value;
  }

  private bits(from: number, count: number): number {
    const { data } = this;
    const at = this.start + (from >>> 3);
    const word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    return (word >>> (from & 7)) & ((1 << count) - 1);
  }
}

/** Where decoded bytes go: grows by doubling, so that nothing is allocated on the word of a header alone. */
export class Output {
  bytes: Buffer;
  length = 0;
  readonly maxBytes: number;

  constructor(estimate: number, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.bytes = Buffer.allocUnsafe(Math.min(estimate, maxBytes));
  }

  /** Makes room for `more` bytes or, if that is less, up to the bound. Returns where the room ends. */
  reserve(more: number): number {
    const needed = Math.min(this.length + more, this.maxBytes);
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(Math.max(needed, this.bytes.length * 2), this.maxBytes));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    return needed;
  }

  /** What has been written. */
  done(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}

/**
 * A buffer for decoded bytes. It grows by doubling, so that a header alone causes no large
 * allocation.
 */
export class Output {
  bytes: Buffer;
  length = 0;
  readonly maxBytes: number;

  constructor(estimate: number, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.bytes = Buffer.allocUnsafe(Math.min(estimate, maxBytes));
  }

  /**
   * Makes room for `more` bytes, or up to the bound if that is less. Returns the end of the room.
   */
  reserve(more: number): number {
    const needed = Math.min(this.length + more, this.maxBytes);
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(Math.max(needed, this.bytes.length * 2), this.maxBytes));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    return needed;
  }

  /** The bytes written so far. */
  done(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}

/**
 * Memory that one decoder uses again and again. It grows to the largest size that was asked for.
 */
export class Scratch {
  #bytes = Buffer.alloc(0);

  /** At least `bytes` bytes of any content, valid until the next call. */
  room(bytes: number): Buffer {
    if (this.#bytes.length < bytes) this.#bytes = Buffer.allocUnsafeSlow(bytes);
    return this.#bytes;
  }
}

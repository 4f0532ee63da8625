const SIZE_BYTES = 4;

/** Splits a broker's bytes into answers: a 4-byte big-endian size, then as many bytes. */
export class AnswerSplitter {
  /** The pieces received of the incomplete answer, its size included. */
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** The answers that `chunk` completes, without their sizes; undefined for an impossible size. */
  push(chunk: Buffer): Buffer[] | undefined {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    const answers: Buffer[] = [];
    for (;;) {
      if (this.#bytes < SIZE_BYTES) return answers;
      const size = this.#head(SIZE_BYTES).readInt32BE(0);
      if (size < SIZE_BYTES) return undefined;
      const end = SIZE_BYTES + size;
      if (this.#bytes < end) return answers;
      const all = this.#head(end);
      answers.push(all.subarray(SIZE_BYTES, end));
      this.#pieces[0] = all.subarray(end);
      this.#bytes -= end;
    }
  }

  /** The first piece, extended to at least `bytes`. */
  #head(bytes: number): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && first.length >= bytes) return first;
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }
}

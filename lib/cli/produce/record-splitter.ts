import { CommandError } from '../failure.ts';

/** The usual limit of a request (`socket.request.max.bytes`). No record can be longer. */
const RECORD_BYTES_MAX = 100 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Splits a stream of bytes into records at a delimiter, which is not part of them. Bytes after the
 * last delimiter are a record too unless empty. Without a delimiter the whole input is one record.
 */
export class RecordSplitter {
  readonly #delimiter: Buffer;
  /** The pieces received of the incomplete record. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #records = 0;

  /**
   * @param delimiter empty for none
   */
  constructor(delimiter: Buffer) {
    this.#delimiter = delimiter;
  }

  /**
   * The records that `chunk` completes; they share memory with it. Throws CommandError for a record
   * that is too long.
   */
  *push(chunk: Buffer): Generator<Buffer> {
    const delimiter = this.#delimiter;
    if (delimiter.length === 0) return this.#keep(chunk);
    // A delimiter of several bytes may begin in the previous piece.
    let rest = delimiter.length === 1 ? chunk : Buffer.concat([this.#takeTail(delimiter.length - 1), chunk]);
    for (;;) {
      const end = delimiter.length === 1 ? rest.indexOf(delimiter[0]!) : rest.indexOf(delimiter);
      if (end < 0) break;
      yield this.#complete(rest.subarray(0, end));
      rest = rest.subarray(end + delimiter.length);
    }
    this.#keep(rest);
  }

  /** The record after the last delimiter, if there is one. */
  end(): Buffer | undefined {
    return this.#pieceBytes === 0 ? undefined : this.#complete(NOTHING);
  }

  #complete(last: Buffer): Buffer {
    this.#records++;
    if (this.#pieceBytes === 0) return last;
    const record = Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return record;
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > RECORD_BYTES_MAX) {
      throw new CommandError(
        `Record ${this.#records + 1} is longer than ${RECORD_BYTES_MAX} bytes, which no request can carry. Is --delimiter right?`,
      );
    }
  }

  /** Removes the last `length` bytes, or all of them if there are fewer. */
  #takeTail(length: number): Buffer {
    const all = Buffer.concat(this.#pieces);
    const cut = Math.max(all.length - length, 0);
    this.#pieces = cut === 0 ? [] : [all.subarray(0, cut)];
    this.#pieceBytes = cut;
    return all.subarray(cut);
  }
}

import { JSON_DEPTH_MAX } from './parse.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The objects that a chunk completes, and why nothing can follow them, if so. */
export interface SplitObjects {
  readonly texts: readonly string[];
  readonly problem?: string;
}

/**
 * Cuts a stream of concatenated JSON objects into the text of each. White space between them is
 * skipped. The texts have balanced brackets; whether they are JSON is the parser's question.
 */
export class JsonSplitter {
  readonly #bytesMax: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #problem: string | undefined;

  /** @param bytesMax limit of one object */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(chunk: Uint8Array): SplitObjects {
    const texts: string[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length && this.#problem === undefined; at++) {
      const byte = chunk[at]!;
      if (this.#depth === 0) {
        if (isWhiteSpace(byte)) continue;
        start = at;
      }
      if (!this.#step(byte)) continue;
      texts.push(this.#finish(chunk.subarray(start, at + 1)));
    }
    if (this.#problem !== undefined) return { texts, problem: this.#problem };
    if (this.#depth > 0) this.#hold(chunk.subarray(start));
    return this.#problem === undefined ? { texts } : { texts, problem: this.#problem };
  }

  /** Why the stream may not end here; undefined if it may. */
  end(): string | undefined {
    return this.#problem ?? (this.#depth > 0 ? 'Unexpected end of JSON input' : undefined);
  }

  /** True if the byte ends an object. */
  #step(byte: number): boolean {
    if (this.#inString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return false;
    }
    switch (byte) {
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (this.#depth === 0 && byte === OPEN_BRACKET) this.#problem = NO_OBJECT;
        this.#depth++;
        if (this.#depth > JSON_DEPTH_MAX) this.#problem = `it is nested deeper than ${JSON_DEPTH_MAX} levels`;
        return false;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        this.#depth--;
        if (this.#depth < 0) this.#problem = NO_OBJECT;
        return this.#depth === 0;
      case QUOTE:
        this.#inString = true;
        break;
    }
    if (this.#depth === 0) this.#problem = NO_OBJECT;
    return false;
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(Uint8Array.from(bytes));
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > this.#bytesMax) this.#problem = `it is larger than ${this.#bytesMax} bytes`;
  }

  #finish(last: Uint8Array): string {
    const text = Buffer.concat([...this.#held, last]).toString('utf8');
    this.#held = [];
    this.#heldBytes = 0;
    return text;
  }
}

const NO_OBJECT = 'a stream of JSON objects is expected';

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

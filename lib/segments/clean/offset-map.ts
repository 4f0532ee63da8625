import * as crypto from 'node:crypto';
import { assert } from '../../core/assert.ts';
import { NO_OFFSET, type Offset } from '../../core/offset.ts';

/** A hash of the key (16 bytes) and the offset (8 bytes). */
export const ENTRY_BYTES = 24;
const ENTRY_WORDS = ENTRY_BYTES / 4;
const HASH_BYTES = 16;
const HASH_WORDS = HASH_BYTES / 4;

/**
 * The part of the slots that may be filled; above it most look-ups would probe many slots (Kafka:
 * log.cleaner.io.buffer.load.factor).
 */
export const LOAD_FACTOR = 0.9;

/** With fewer slots, the load factor would leave none for a key. */
const SLOTS_MIN = 3;

const WORD = 2 ** 32;

/**
 * The newest offset of each key, in memory of a fixed size (as Kafka's SkimpyOffsetMap). Keys are
 * kept as the first 16 bytes of their SHA-256, so that memory does not depend on their length and
 * nobody can construct two keys that are taken for one.
 */
export class OffsetMap {
  readonly #words: Uint32Array;
  readonly #slots: number;
  readonly #loadFactor: number;
  readonly #hash = Buffer.alloc(HASH_BYTES);
  readonly #hashWords = new Uint32Array(this.#hash.buffer, this.#hash.byteOffset, HASH_WORDS);
  #size = 0;

  /** Every record up to this offset is in the map; NO_OFFSET before the first. */
  latestOffset: Offset = NO_OFFSET;

  /** @param memoryBytes size of the table; holds `capacity` keys */
  constructor(memoryBytes: number, loadFactor = LOAD_FACTOR) {
    this.#slots = primeUpTo(Math.floor(memoryBytes / ENTRY_BYTES));
    this.#loadFactor = loadFactor;
    this.#words = new Uint32Array(this.#slots * ENTRY_WORDS);
    assert(this.capacity > 0, `an offset map of ${memoryBytes} bytes holds no key`);
  }

  /** Number of keys that fit in. */
  get capacity(): number {
    return Math.floor(this.#slots * this.#loadFactor);
  }

  /** Number of different keys in the map. */
  get size(): number {
    return this.#size;
  }

  /** Notes the offset of a key's newest record. False, without a change, if the map is full. */
  put(key: Buffer, offset: Offset): boolean {
    const at = this.#slotOf(key);
    const words = this.#words;
    if (isFree(words, at)) {
      if (this.#size >= this.capacity) return false;
      // Copying so few words one by one is faster than by `set`.
      for (let word = 0; word < HASH_WORDS; word++) words[at + word] = this.#hashWords[word]!;
      this.#size++;
    }
    // One more than the offset, so that a slot of zeros is free.
    words[at + 4] = Math.floor((offset + 1) / WORD);
    words[at + 5] = (offset + 1) >>> 0;
    return true;
  }

  /** The offset of the key's newest record; NO_OFFSET if the map does not have the key. */
  get(key: Buffer): Offset {
    const at = this.#slotOf(key);
    return this.#words[at + 4]! * WORD + this.#words[at + 5]! - 1;
  }

  /** Forgets everything; the memory stays allocated. */
  clear(): void {
    this.#words.fill(0);
    this.#size = 0;
    this.latestOffset = NO_OFFSET;
  }

  /** Where the key is, or the free slot where it would be put; its hash is left in #hashWords. */
  #slotOf(key: Buffer): number {
    hashInto(key, this.#hash);
    const hash = this.#hashWords;
    const a = hash[0]!;
    const b = hash[1]!;
    const c = hash[2]!;
    const d = hash[3]!;
    const words = this.#words;
    const slots = this.#slots;
    // The number of slots is prime, so that steps of any length visit all of them.
    const step = 1 + (b % (slots - 1));
    for (let slot = a % slots; ; slot = (slot + step) % slots) {
      const at = slot * ENTRY_WORDS;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return at;
      if (isFree(words, at)) return at;
    }
  }
}

function isFree(words: Uint32Array, at: number): boolean {
  return words[at + 4] === 0 && words[at + 5] === 0;
}

function hashInto(key: Buffer, into: Buffer): void {
  // A text is several times as fast to return from the library as a new buffer. The short form came
  // with Node 20.12.
  const digest = crypto.hash?.('sha256', key, 'binary') ?? crypto.createHash('sha256').update(key).digest('binary');
  into.write(digest, 0, HASH_BYTES, 'latin1');
}

/** The largest prime that is not above `limit`. */
function primeUpTo(limit: number): number {
  assert(limit >= SLOTS_MIN, `${limit} slots are too few`);
  for (let candidate = limit; ; candidate--) if (isPrime(candidate)) return candidate;
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}

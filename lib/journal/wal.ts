import type { Clock } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import type { BlobPutOutcome, BlobStore, StoreTime } from '../storage/ports.ts';

/** A stretch of a stored WAL object. */
export interface WalStretch {
  readonly key: string;
  readonly start: number;
  /** The bytes that were stored there; the receiver owns them. */
  readonly bytes: Buffer;
  /** Store time of the object's PUT. */
  readonly storedAt: StoreTime;
}

export type WalOutcome =
  | { readonly kind: 'stored'; readonly stretch: WalStretch }
  | { readonly kind: 'failed'; readonly message: string };

/** Somebody with bytes for the next WAL object. */
export interface WalSource {
  /** Bytes waiting now. */
  readonly waitingBytes: number;
  /** Called when the object is put together: gives its batches, and a function that is told what became of them. */
  take(): { readonly chunks: readonly Buffer[]; readonly done: (outcome: WalOutcome) => void };
}

export interface WalLimits {
  /** How long an object gathers after the first request; ms. 0: not at all. */
  readonly lingerMs: number;
  /** An object is written at once when so many bytes wait. */
  readonly flushBytes: number;
  /** How many objects may be on their way at once. */
  readonly inFlight: number;
}

/** Writes one object per flush of the whole process, whatever the number of journals that have bytes for it. */
export class WalWriter {
  readonly #blobs: BlobStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: WalLimits;
  #sources = new Set<WalSource>();
  #cancelTimer: (() => void) | undefined;
  #due = false;
  #inFlight = 0;

  constructor(blobs: BlobStore, clock: Clock, random: Random, limits: WalLimits) {
    this.#blobs = blobs;
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
  }

  /** Asks for a place in the next object. Asking again before it is written only tells that more bytes wait. */
  request(source: WalSource): void {
    this.#sources.add(source);
    if (this.#limits.lingerMs === 0) this.#due = true;
    else this.#cancelTimer ??= this.#clock.setTimer(this.#limits.lingerMs, () => this.#linger());
    this.#pump();
  }

  /** Has bytes stored, together with whatever else goes into the next object. */
  write(chunks: readonly Buffer[]): Promise<WalOutcome> {
    const waitingBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return new Promise((done) => this.request({ waitingBytes, take: () => ({ chunks, done }) }));
  }

  #linger(): void {
    this.#cancelTimer = undefined;
    this.#due = true;
    this.#pump();
  }

  #pump(): void {
    if (this.#sources.size === 0 || this.#inFlight >= this.#limits.inFlight) return;
    if (!this.#due) {
      let waiting = 0;
      for (const source of this.#sources) waiting += source.waitingBytes;
      if (waiting < this.#limits.flushBytes) return;
    }
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#due = false;
    const sources = this.#sources;
    this.#sources = new Set();
    this.#inFlight += 1;
    void this.#write(sources).finally(() => {
      this.#inFlight -= 1;
      this.#pump();
    });
  }

  async #write(sources: Iterable<WalSource>): Promise<void> {
    const parts = [];
    for (const source of sources) {
      const { chunks, done } = source.take();
      if (chunks.length > 0) parts.push({ bytes: Buffer.concat(chunks), done });
    }
    if (parts.length === 0) return;
    const key = walKey(this.#blobs.now(), newNonce(this.#random));
    const outcome = await this.#put(
      key,
      parts.map((part) => part.bytes),
    );
    let start = 0;
    for (const { bytes, done } of parts) {
      if (outcome.kind === 'stored') {
        done({ kind: 'stored', stretch: { key, start, bytes, storedAt: outcome.storeTime } });
      } else {
        done({ kind: 'failed', message: outcome.message });
      }
      start += bytes.length;
    }
  }

  /** Whoever waits for the object hears of its fate, also if the store throws. */
  async #put(key: string, chunks: readonly Buffer[]): Promise<BlobPutOutcome> {
    try {
      return await this.#blobs.put(key, chunks);
    } catch (error) {
      return { kind: 'unknown', message: String(error) };
    }
  }
}

const TIME_DIGITS = 15;

/** Keys sort by time, so that whoever collects unnamed objects can stop at those that are too young. */
export function walKey(time: StoreTime, nonce: string): string {
  const ms = Number.isFinite(time) ? Math.floor(time) : 0;
  return `wal/${String(ms).padStart(TIME_DIGITS, '0')}-${nonce}`;
}

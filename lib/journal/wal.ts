import type { Clock } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { walKey } from '../storage/items/wal-object.ts';
import type { BlobPutOutcome, BlobStore, StoreTime } from '../storage/ports.ts';
import { frameWalObject } from './wal-object.ts';

/** A stretch of a stored WAL object. */
export interface WalStretch {
  readonly key: string;
  readonly start: number;
  /** The stored bytes. The receiver owns them. */
  readonly bytes: Buffer;
  /** Store time of the object's PUT. */
  readonly storedAt: StoreTime;
}

export type WalOutcome =
  | { readonly kind: 'stored'; readonly stretch: WalStretch }
  | { readonly kind: 'failed'; readonly message: string };

/** A journal with bytes for the next WAL object. */
export interface WalSource {
  readonly journal: JournalId;
  /** Bytes waiting now. */
  readonly waitingBytes: number;
  /**
   * Called when the object is made. Returns the batches, and the function that receives the outcome
   * of the PUT.
   */
  take(): { readonly chunks: readonly Buffer[]; readonly done: (outcome: WalOutcome) => void };
}

export interface WalLimits {
  /** How long an object waits for more bytes after the first request; ms. 0: no wait. */
  readonly lingerMs: number;
  /** An object is written at once when this many bytes wait. */
  readonly flushBytes: number;
  /** Maximum concurrent PUTs. */
  readonly inFlight: number;
}

/** Writes one object per flush of the whole process, for all journals that have bytes. */
export class WalWriter {
  readonly #blobs: BlobStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: WalLimits;
  /** The nonce of the first object. It identifies this process in all headers. */
  #writer: string | undefined;
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

  /**
   * Requests a place in the next object. Another request before it is written reports that more
   * bytes wait.
   */
  request(source: WalSource): void {
    this.#sources.add(source);
    if (this.#limits.lingerMs === 0) this.#due = true;
    else this.#cancelTimer ??= this.#clock.setTimer(this.#limits.lingerMs, () => this.#linger());
    this.#pump();
  }

  /** Stores bytes of a journal as part of the next object. */
  write(journal: JournalId, chunks: readonly Buffer[]): Promise<WalOutcome> {
    const waitingBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return new Promise((done) => this.request({ journal, waitingBytes, take: () => ({ chunks, done }) }));
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
    const taken = [];
    for (const source of sources) {
      const { chunks, done } = source.take();
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      if (length > 0) taken.push({ journal: source.journal, chunks, length, done });
    }
    if (taken.length === 0) return;
    const time = this.#blobs.now();
    const nonce = newNonce(this.#random);
    this.#writer ??= nonce;
    const key = walKey(time, nonce);
    const frames = frameWalObject({ key, writer: this.#writer, time, stretches: taken });
    // Each journal gets its own buffer, so that a cached stretch does not keep those of other
    // journals in memory.
    const parts = taken.map(({ chunks, done }, index) => {
      const { before, start } = frames[index]!;
      const bytes = Buffer.concat([before, ...chunks]);
      return { bytes, start, stretch: bytes.subarray(before.length), done };
    });
    const outcome = await this.#put(
      key,
      parts.map((part) => part.bytes),
    );
    for (const { start, stretch, done } of parts) {
      if (outcome.kind === 'stored') {
        done({ kind: 'stored', stretch: { key, start, bytes: stretch, storedAt: outcome.storeTime } });
      } else {
        done({ kind: 'failed', message: outcome.message });
      }
    }
  }

  /** Gives every source the outcome, even if the store throws. */
  async #put(key: string, chunks: readonly Buffer[]): Promise<BlobPutOutcome> {
    try {
      return await this.#blobs.put(key, chunks);
    } catch (error) {
      return { kind: 'unknown', message: String(error) };
    }
  }
}

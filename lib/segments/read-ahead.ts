import type { Clock } from '../core/clock.ts';
import type { Offset } from '../core/offset.ts';
import { isUnreadable } from '../journal/read.ts';
import { GET_BYTES_MAX, logEnd, roundUp } from './read-sizes.ts';
import type { SegmentRange } from './segment-search.ts';
import type { Place, SegmentSource } from './segment-source.ts';

/**
 * Bytes that are read ahead of each consumer: two GETs, so that the next one is on its way while the
 * consumer works through the one before.
 */
export const READ_AHEAD_BYTES = 2 * GET_BYTES_MAX;

/** Small segments that one step looks up in advance. */
const SEGMENTS_MAX = 8;

/** A partition that nobody went on reading for so long gives its place to another; ms. */
const IDLE_MS = 10_000;

/**
 * Reads ahead for consumers that read one fetch after the other. Only so many partitions are read
 * ahead at a time as fit into the cache: more would only push each other out of it.
 */
export class ReadAhead {
  readonly #source: SegmentSource;
  readonly #clock: Clock;
  readonly #partitionsMax: number;
  /** When each partition was last read on, by Clock.monotonic(), in that order; ms. */
  readonly #readers = new Map<string, number>();
  readonly #running = new Set<string>();

  /** @param cacheBytes capacity of the cache that the ranges go to; bytes */
  constructor(source: SegmentSource, clock: Clock, cacheBytes: number) {
    this.#source = source;
    this.#clock = clock;
    this.#partitionsMax = Math.floor((cacheBytes * CACHE_SHARE) / READ_AHEAD_BYTES);
  }

  /**
   * A consumer has read up to `next`, at `place` if it is known, and will read on up to `range.to`.
   * Returns at once. What cannot be read is left to the consumer's next fetch.
   */
  from(range: SegmentRange, next: Offset, place: Place | undefined): void {
    const id = `${range.topicId}/${range.partition}`;
    if (!this.#admits(id) || this.#running.has(id)) return;
    this.#running.add(id);
    this.#read(range, next, place)
      .catch((error: unknown) => {
        if (!isUnreadable(error)) throw error;
      })
      .finally(() => this.#running.delete(id));
  }

  #admits(id: string): boolean {
    const now = this.#clock.monotonic();
    const isKnown = this.#readers.delete(id);
    if (!isKnown && this.#readers.size >= this.#partitionsMax) {
      const [oldest] = this.#readers;
      if (oldest === undefined || now - oldest[1] < IDLE_MS) return false;
      this.#readers.delete(oldest[0]);
    }
    this.#readers.set(id, now);
    return true;
  }

  async #read({ topicId, partition, to }: SegmentRange, from: Offset, place: Place | undefined): Promise<void> {
    const { ranges } = this.#source;
    let left = READ_AHEAD_BYTES;
    let next = from;
    let here = place;
    for (let segments = 0; ; ) {
      if (here === undefined) {
        if (next >= to || segments++ >= SEGMENTS_MAX) return;
        const part = await this.#source.partAt(topicId, partition, next);
        here = { part, at: part.log.start };
      }
      const { part, at } = here;
      const last = logEnd(part);
      if (at >= last) {
        next = part.nextOffset;
        here = undefined;
        continue;
      }
      let range = ranges.at(part.key, at);
      if (range === undefined) {
        // Each fetch moves the window on by less than a GET.
        if (left < GET_BYTES_MAX / 2) return;
        let end = Math.min(last, at + GET_BYTES_MAX);
        if (end < last) end = roundUp(part, (await this.#source.indexesOf(part)).offsets, end);
        range = ranges.read(part.key, at, end);
      }
      left -= range.end - at;
      here = { part, at: range.end };
    }
  }
}

/** The share of the cache for ranges that are read ahead. */
const CACHE_SHARE = 0.75;

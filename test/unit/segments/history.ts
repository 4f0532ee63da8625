import type { Offset } from '../../../lib/core/offset.ts';
import { readBatchHeader } from '../../../lib/records/batch.ts';
import { buildSegmentSet, type PartContent } from '../../../lib/segments/format/segment-set.ts';
import { SegmentReader, type SegmentReaderOptions } from '../../../lib/segments/segment-reader.ts';
import type { HistoryIndex, HistoryPart } from '../../../lib/segments/segment-source.ts';
import type { BlobRange, BlobStore } from '../../../lib/storage/ports.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { contentOf, type Step } from './format/contents.ts';

export const TOPIC = 'topic';
export const MIB = 1024 * 1024;
const T0 = 1_700_000_000_000;

/** One GET of a range, in the order of the calls. */
export interface AskedRange {
  readonly key: string;
  readonly start: number;
  readonly length: number;
}

/** Objects in memory that count the GETs, and a segment index over them that counts the look-ups. */
export class History implements HistoryIndex {
  readonly objects = new Map<string, Buffer>();
  readonly parts: HistoryPart[] = [];
  readonly gets: AskedRange[] = [];
  finds = 0;
  lists = 0;
  /** Every batch in order. */
  readonly batches: Buffer[] = [];
  /** GETs wait for it. */
  gate: Promise<void> | undefined;
  readonly blobs: Pick<BlobStore, 'getRange'> = {
    getRange: async (key, start, end): Promise<BlobRange> => {
      this.gets.push({ key, start, length: end - start });
      await this.gate;
      const object = this.objects.get(key);
      if (object === undefined) return { kind: 'missing', storeTime: T0 };
      const bytes = Buffer.from(object.subarray(start, end));
      return { kind: 'found', bytes, size: object.length, modified: T0, storeTime: T0 };
    },
  };

  /** The offset after the last segment. */
  get end(): Offset {
    return this.parts.at(-1)?.nextOffset ?? 0;
  }

  /** Adds a segment with an object of its own. */
  add(
    content: PartContent,
    options: {
      readonly key?: string;
      readonly indexIntervalBytes?: number;
      readonly abortsKnownTo?: number;
    } = {},
  ): HistoryPart {
    const key = options.key ?? `segment/${TOPIC}/p0/${content.baseOffset}-n${this.parts.length}`;
    const set = buildSegmentSet([content], { ...options, key });
    this.objects.set(key, Buffer.concat(set.chunks));
    const [built] = set.parts;
    const maxTimestampSoFar = Math.max(this.parts.at(-1)?.maxTimestampSoFar ?? -1, built!.maxTimestamp);
    const { abortsKnownTo } = options;
    const part = { ...built!, key, maxTimestampSoFar, ...(abortsKnownTo !== undefined && { abortsKnownTo }) };
    this.parts.push(part);
    this.batches.push(...content.batches);
    return part;
  }

  /** Adds a segment of `count` batches after the others. */
  fill(count: number, step: Partial<Extract<Step, { kind: 'data' }>> = {}, indexIntervalBytes?: number): HistoryPart {
    const timestamps = [T0 + this.end];
    const steps = Array.from(
      { length: count },
      () => ({ kind: 'data', timestamps, valueBytes: 100, ...step }) as const,
    );
    return this.add(contentOf(steps, 0, this.end), indexIntervalBytes === undefined ? {} : { indexIntervalBytes });
  }

  find(_topicId: string, partition: number, offset: Offset): Promise<HistoryPart | undefined> {
    this.finds += 1;
    const holds = (part: HistoryPart) =>
      part.partition === partition && part.baseOffset <= offset && offset < part.nextOffset;
    return Promise.resolve(this.parts.find(holds));
  }

  forget(): void {}

  list(_topicId: string, _partition: number, { from, limit = 1_000 }: { from: Offset; limit?: number }) {
    this.lists += 1;
    const held = this.parts.filter((part) => part.nextOffset > from);
    const segments = held.slice(0, limit);
    return Promise.resolve({ segments, next: held.length > limit ? segments.at(-1)!.nextOffset : undefined });
  }

  firstByTime(_topicId: string, _partition: number, timestamp: number, from: Offset, to: Offset) {
    const found = this.parts.find((part) => part.nextOffset > from && part.maxTimestamp >= timestamp);
    return Promise.resolve(found !== undefined && found.baseOffset < to ? found : undefined);
  }

  reader(options: Partial<SegmentReaderOptions> = {}): SegmentReader {
    const fields = { index: this, blobs: this.blobs, clock: new VirtualClock(T0) };
    return new SegmentReader({ ...fields, cacheBytes: 64 * MIB, readsAhead: false, ...options });
  }

  /** Reads partition 0 as a consumer does. */
  async fetch(reader: SegmentReader, from: Offset, maxBytes: number, to = this.end): Promise<Buffer[]> {
    const search = reader.search({ topicId: TOPIC, partition: 0, from, to });
    while (search.advance(maxBytes, true) === 'page') {
      try {
        await search.load(maxBytes);
      } catch (error) {
        if (search.size === 0) throw error;
        break;
      }
    }
    return reader.take(search);
  }

  /** What a fetch has to return: whole batches, the first one in any case. */
  expected(from: Offset, maxBytes: number, to = this.end): Buffer {
    const wanted: Buffer[] = [];
    let size = 0;
    for (const batch of this.batches) {
      const header = readBatchHeader(batch);
      if (header.baseOffset + header.lastOffsetDelta < from) continue;
      if (header.baseOffset >= to || (size > 0 && size + batch.length > maxBytes)) break;
      wanted.push(batch);
      size += batch.length;
    }
    return Buffer.concat(wanted);
  }
}

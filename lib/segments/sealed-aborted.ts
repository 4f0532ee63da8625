import type { Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import type { AbortedRange } from '../journal/view.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import { abortedIn } from './format/index-block.ts';
import { type HistoryPart, SegmentMissingError, type SegmentSource } from './segment-source.ts';

export interface AbortedRequest {
  /** The records that were read have offsets in [from, until). */
  readonly from: Offset;
  readonly until: Offset;
  /** Where the search ends: the view knows the transactions that were aborted from here on. */
  readonly to: Offset;
}

/** Most transactions end soon, so that a short list of the next segments usually has their end. */
const FIRST_PAGE = 16;

/** Partitions for which it is remembered where nothing was aborted, about 100 bytes each. */
const PARTITIONS_MAX = 4_096;

/** Offsets whose segments have no aborted transaction. */
interface Clean {
  readonly from: Offset;
  readonly to: Offset;
}

/**
 * Finds aborted transactions in the transaction indexes of segments (Kafka:
 * LocalLog.collectAbortedTransactions). A transaction may end in any later segment, so the search
 * goes on until a segment knows that every aborted transaction with records in the range has its
 * marker there or before: by its item, or by an abort marker. The segment that has the end of the
 * range usually does. Items of earlier programs do not say it. Then the search sees all later items
 * once, in pages, and remembers where none was aborted.
 */
export class SealedAborted {
  readonly #source: SegmentSource;
  readonly #clean = boundedMap<string, Clean>(PARTITIONS_MAX);

  constructor(source: SegmentSource) {
    this.#source = source;
  }

  async find(topicId: Uuid, partition: number, { from, until, to }: AbortedRequest): Promise<AbortedRange[]> {
    const id = `${topicId}/${partition}`;
    const found: AbortedRange[] = [];
    let pages = 0;
    for (let next = from; next < to; ) {
      const clean = this.#clean.get(id);
      if (clean !== undefined && clean.from <= next && next < clean.to) {
        next = clean.to;
        continue;
      }
      const parts =
        next < until
          ? // The segments that were just read are in the cache of the index.
            [await this.#source.partAt(topicId, partition, next)]
          : await this.#page(topicId, partition, next, pages++ === 0 ? FIRST_PAGE : undefined);
      for (const part of parts) {
        if (next >= to) break;
        if (part.nextOffset <= next) continue;
        if (part.baseOffset > next) throw noSegment(id, next);
        if (transactionIndexBytes(part) === 0) this.#passed(id, next, part.nextOffset);
        else {
          const search = abortedIn(await this.#source.indexesOf(part), from, until);
          // Segments may overlap: those before this one had the markers below `next`.
          for (const range of search.aborted) if (range.lastOffset >= next) found.push(range);
          if (search.isComplete) return found;
        }
        if (part.abortsKnownTo !== undefined && part.abortsKnownTo >= until) return found;
        next = part.nextOffset;
      }
    }
    return found;
  }

  /** Some segments; the first one holds the offset `next`. */
  async #page(
    topicId: Uuid,
    partition: number,
    next: Offset,
    limit: number | undefined,
  ): Promise<readonly HistoryPart[]> {
    const request = limit === undefined ? { from: next } : { from: next, limit };
    let { segments } = await this.#source.index.list(topicId, partition, request);
    // An eventually consistent read may not show the newest segments yet.
    if (segments.length === 0) {
      ({ segments } = await this.#source.index.list(topicId, partition, { ...request, consistent: true }));
    }
    if (!segments.some((part) => part.nextOffset > next)) throw noSegment(`${topicId}/${partition}`, next);
    return segments;
  }

  #passed(id: string, from: Offset, to: Offset): void {
    const known = this.#clean.get(id);
    const joins = known !== undefined && from <= known.to && known.from <= to;
    this.#clean.set(id, joins ? { from: Math.min(from, known.from), to: Math.max(to, known.to) } : { from, to });
  }
}

function noSegment(partition: string, offset: Offset): SegmentMissingError {
  return new SegmentMissingError(`no segment holds offset ${offset} of partition ${partition}`);
}

function transactionIndexBytes({ index, offsetIndexBytes, timeIndexBytes }: HistoryPart): number {
  return index.length - offsetIndexBytes - timeIndexBytes;
}

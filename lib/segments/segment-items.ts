import { MalformedBytesError } from '../core/bytes.ts';
import { MAX_OFFSET, type Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import { decodeSegment, type LiveSegment, type StoredSegment, segmentPk, segmentSk } from '../storage/items/segment.ts';
import type { Item, ItemStore } from '../storage/ports.ts';

/** Items per query where replaced segments are stepped over. */
const WALK_PAGE = 100;

export interface SegmentItemsPage {
  readonly segments: readonly StoredSegment[];
  /** The range may hold more items. */
  readonly more: boolean;
}

/** Reads the segment items of one partition. All methods throw StoreUnavailableError. */
export class SegmentItems {
  readonly #state: ItemStore;
  readonly #pk: string;

  constructor(state: ItemStore, topicId: Uuid, partition: number) {
    this.#state = state;
    this.#pk = segmentPk(topicId, partition);
  }

  get pk(): string {
    return this.#pk;
  }

  /** The item with the largest base offset that is not above `offset`; one query of one item. */
  async last(offset: Offset, consistent: boolean): Promise<StoredSegment | undefined> {
    const { segments } = await this.downFrom(offset, 1, consistent);
    return segments[0];
  }

  /**
   * The live segment with the largest base offset that is not above `offset`. It holds the offset
   * if any segment does. One query of one item, and a second one if it meets a replaced segment.
   */
  async lastLive(offset: Offset, consistent: boolean): Promise<LiveSegment | undefined> {
    const found = await this.last(offset, consistent);
    if (found?.state !== 'replaced') return found;
    // Skips the segments that were replaced by the same one.
    const replacement = await this.last(found.replacedBy, consistent);
    if (replacement?.state === 'live' && replacement.nextOffset > offset) return replacement;
    // The replacement was itself replaced, perhaps by several segments.
    for (let from = found.baseOffset - 1; from >= 0; ) {
      const { segments, more } = await this.downFrom(from, WALK_PAGE, consistent);
      const live = segments.find(isLive);
      if (live !== undefined || !more) return live;
      from = segments.at(-1)!.baseOffset - 1;
    }
    return undefined;
  }

  /** Items with base offsets of at most `offset`, descending. */
  downFrom(offset: Offset, limit: number, consistent: boolean): Promise<SegmentItemsPage> {
    return this.#query({ to: `${segmentSk(offset)}\0`, reverse: true, limit, consistent });
  }

  /** Items with base offsets in [from, to), ascending. */
  up(from: Offset, to: Offset, limit: number, consistent: boolean): Promise<SegmentItemsPage> {
    const end = to === MAX_OFFSET ? {} : { to: segmentSk(to) };
    return this.#query({ from: segmentSk(from), ...end, limit, consistent });
  }

  async #query(range: {
    readonly from?: string;
    readonly to?: string;
    readonly reverse?: boolean;
    readonly limit: number;
    readonly consistent: boolean;
  }): Promise<SegmentItemsPage> {
    const { items, more } = await this.#state.query({ pk: this.#pk, ...range });
    return { segments: items.map(decodeItem), more };
  }
}

/** Whether the segment holds an offset at or above its base offset. */
export function holdsOffset(segment: StoredSegment | undefined, offset: Offset): boolean {
  return segment !== undefined && segment.nextOffset > offset;
}

export function isLive(segment: StoredSegment): segment is LiveSegment {
  return segment.state === 'live';
}

/** Throws MalformedBytesError with the item's key. */
export function decodeItem({ pk, sk, version, body }: Item): StoredSegment {
  let segment: StoredSegment;
  try {
    segment = decodeSegment(version, body);
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    throw new MalformedBytesError(`item ${pk}/${sk}: ${error.message}`, { cause: error });
  }
  if (segmentSk(segment.baseOffset) !== sk) {
    throw new MalformedBytesError(`item ${pk}/${sk}: the segment begins at ${segment.baseOffset}`);
  }
  return segment;
}

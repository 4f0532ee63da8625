import type { Entry, LogStart, ReplaceEntry } from '../../../lib/journal/entry.ts';
import type { SegmentPart } from '../../../lib/journal/segment-part.ts';
import type { JournalView, PartitionView } from '../../../lib/journal/view.ts';
import { sealOf } from '../../support/seal-of.ts';

/** The segments that the entries of a history made, apart from the view. */
export class SealedHistory {
  readonly #entries: Entry[] = [];
  /** In order of their offsets, by partition; those below `segmentsFrom` do not count any more. */
  readonly #segments = new Map<number, SegmentPart[]>();

  push(entry: Entry): void {
    this.#entries.push(entry);
    if (entry.kind === 'seal') {
      for (const part of entry.parts) this.#segments.set(part.partition, [...this.of(part.partition), part]);
    }
    if (entry.kind !== 'replace') return;
    const known = this.of(entry.partition);
    const before = known.filter((part) => part.nextOffset <= entry.baseOffset);
    const behind = known.filter((part) => part.baseOffset >= entry.nextOffset);
    this.#segments.set(entry.partition, [...before, ...entry.parts, ...behind]);
  }

  of(partition: number): readonly SegmentPart[] {
    return this.#segments.get(partition) ?? [];
  }

  /** A seal of a share of the slots that are not sealed; undefined if there are none. */
  seal(view: JournalView, share: number, time: number): Entry | undefined {
    const slots = Math.ceil((view.seq - view.sealedSeq) * share);
    if (slots === 0) return undefined;
    return sealOf(view, (seq) => this.#entries[seq]!, view.sealedSeq + slots, time);
  }

  /** Puts one or two segments, half as large, in the place of neighbours; undefined if there are none. */
  replace(view: JournalView, share: number, time: number): ReplaceEntry | undefined {
    const partition = [...view.partitions.values()][Math.floor(share * view.partitions.size)];
    if (partition === undefined) return undefined;
    const counted = this.of(partition.partition).filter((part) => part.baseOffset >= partition.segmentsFrom);
    const old = counted.slice(Math.floor(counted.length * share), Math.ceil(counted.length * (share + 0.5)));
    const [first, last] = [old[0], old.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const bytes = sum(old);
    const whole = { ...first, nextOffset: last.nextOffset, log: { start: 0, length: Math.floor(bytes / 2) } };
    const isOne = old.length < 3;
    const parts = isOne
      ? [whole]
      : [
          { ...whole, nextOffset: first.nextOffset },
          { ...last, log: { start: 9, length: 1 } },
        ];
    if (!isOne) parts[1] = { ...parts[1]!, baseOffset: first.nextOffset };
    return {
      kind: 'replace',
      time,
      partition: partition.partition,
      baseOffset: first.baseOffset,
      nextOffset: last.nextOffset,
      key: `segment/${view.journal}/${view.seq}`,
      parts,
      removedSegments: old.length,
      removedBytes: bytes,
    };
  }

  /** A log start that stops counting the segments wholly below it. */
  start({ partition, segmentsFrom }: PartitionView, offset: number): LogStart {
    const ended = this.of(partition).filter((part) => part.baseOffset >= segmentsFrom && part.nextOffset <= offset);
    const last = ended.at(-1);
    if (last === undefined) return { partition, offset };
    return { partition, offset, segmentsFrom: last.nextOffset, segments: ended.length, bytes: sum(ended) };
  }
}

export function sum(parts: readonly SegmentPart[]): number {
  return parts.reduce((total, part) => total + part.log.length, 0);
}

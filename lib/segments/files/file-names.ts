import { MAX_OFFSET, type Offset } from '../../core/offset.ts';

/**
 * The names of the files in a partition's folder (Kafka: LogFileUtils). Those of a segment are the
 * segment's base offset in 20 digits and a suffix.
 */
export const SEGMENT_FILE_KINDS = ['log', 'index', 'timeindex', 'txnindex'] as const;

export type SegmentFileKind = (typeof SEGMENT_FILE_KINDS)[number];

export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint';
export const PARTITION_METADATA_FILE = 'partition.metadata';

const OFFSET_DIGITS = 20;

/** `00000000000000000042.log` */
export function segmentFileName(baseOffset: Offset, kind: SegmentFileKind): string {
  return `${String(baseOffset).padStart(OFFSET_DIGITS, '0')}.${kind}`;
}

/** The base offset and kind of a segment's file; undefined for any other name. */
export function parseSegmentFileName(
  name: string,
): { readonly baseOffset: Offset; readonly kind: SegmentFileKind } | undefined {
  const [, digits, suffix] = /^(\d{20})\.([a-z]+)$/.exec(name) ?? [];
  const kind = SEGMENT_FILE_KINDS.find((one) => one === suffix);
  const baseOffset = Number(digits);
  return kind === undefined || baseOffset > MAX_OFFSET ? undefined : { baseOffset, kind };
}

/**
 * Whether a file shows that Kafka was stopped while it replaced segments. It completes the
 * replacement when it starts again; until then the `.log` files may hold records twice.
 */
export function isUnfinishedReplacement(name: string): boolean {
  return name.endsWith('.swap');
}

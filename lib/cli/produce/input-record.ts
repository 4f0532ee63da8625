import type { HeaderInput } from '../../records/encode.ts';

/** A record as read, before a partition is chosen. */
export interface InputRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly HeaderInput[];
  /** Ms since the Unix epoch, -1 for none. Default: the time of reading. */
  readonly timestamp?: number;
  /** Default: chosen by the key, or in turn. */
  readonly partition?: number;
}

export type InputOutcome =
  | { readonly kind: 'record'; readonly record: InputRecord }
  /** `problem` completes "Record 3 ...". */
  | { readonly kind: 'invalid'; readonly problem: string };

/** Reads a record from its bytes between two delimiters. */
export type RecordReader = (bytes: Buffer) => InputOutcome;

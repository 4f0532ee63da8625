import { usageError } from '../failure.ts';
import type { CommonFlags } from '../program.ts';
import {
  type FormatOptions,
  jsonFormat,
  keyValueFormat,
  type RecordFormat,
  templateFormat,
  valueFormat,
} from './record-format.ts';
import type { Span } from './start.ts';

/** The parsed flags of `tidelog consume`. */
export interface ConsumeFlags extends CommonFlags {
  readonly fromBeginning?: boolean;
  readonly group?: string;
  readonly offset?: Span;
  readonly timestamp?: Span;
  readonly partition?: readonly number[];
  readonly maxMessages?: number;
  readonly untilEnd?: boolean;
  readonly format: string;
  readonly printKey?: boolean;
  readonly keySeparator: Buffer;
  readonly delimiter: Buffer;
  readonly null: string;
  readonly isolation: 'read_uncommitted' | 'read_committed';
}

/** The start and end of reading. Throws CommandError for flags that exclude each other. */
export function spanOf({ fromBeginning, offset, timestamp, untilEnd }: ConsumeFlags): Span {
  const given = [fromBeginning || undefined, offset, timestamp].filter((one) => one !== undefined);
  if (given.length > 1) throw usageError('Give only one of --from-beginning, --offset and --timestamp.');
  return offset ?? timestamp ?? { start: { kind: fromBeginning || untilEnd ? 'earliest' : 'latest' } };
}

/**
 * Checks flags for reading as a group, which decides on partitions and offsets. Throws
 * CommandError.
 */
export function checkGroup({ group, partition, offset, timestamp }: ConsumeFlags): void {
  if (group === undefined) return;
  const given = [partition, offset, timestamp].some((one) => one !== undefined);
  if (given) throw usageError('--group goes with none of --partition, --offset and --timestamp.');
}

/** How records are printed. Throws CommandError for an unknown format. */
export function formatOf(flags: ConsumeFlags): RecordFormat {
  const { keySeparator, delimiter } = flags;
  const options: FormatOptions = { keySeparator, delimiter, nullText: Buffer.from(flags.null) };
  const name = flags.json ? 'json' : flags.printKey ? 'key-value' : flags.format;
  if (name === 'value') return valueFormat(options);
  if (name === 'key-value') return keyValueFormat(options);
  if (name === 'json') return jsonFormat;
  if (!name.includes('%')) {
    throw usageError(`There is no format ${name}: it is value, json, key-value, or a template with fields such as %s.`);
  }
  const outcome = templateFormat(name, options);
  if (outcome.kind === 'invalid') throw usageError(outcome.problem);
  return outcome.format;
}

import { type BatchHeader, NO_TIMESTAMP } from './batch.ts';
import type { ProduceRules, RecordError } from './produce-rules.ts';
import { RecordScan } from './scan.ts';

/** Invalid records that an answer names: enough for a diagnosis, few enough for a small answer. */
export const MAX_RECORD_ERRORS = 100;

/** Checks every record of a batch against the rules, as LogValidator.validateRecord does. */
export class RecordCheck {
  /** The highest timestamp so far, ms; NO_TIMESTAMP before the first. */
  maxTimestamp = NO_TIMESTAMP;
  /** Whether the offset deltas were 0, 1, 2 and so on. */
  inOrder = true;
  readonly errors: RecordError[] = [];
  /** Whether an invalid timestamp is among the errors. */
  timestampRefused = false;
  readonly scan: RecordScan;
  readonly #rules: ProduceRules;
  readonly #requireKeys: boolean;
  /** The allowed timestamps; ms. */
  readonly #earliest: number;
  readonly #latest: number;

  constructor(header: BatchHeader, rules: ProduceRules) {
    this.#rules = rules;
    this.#requireKeys = rules.requireKeys;
    const { earliest, latest } = timestampBounds(rules);
    this.#earliest = earliest;
    this.#latest = latest;
    this.scan = new RecordScan(header, (scan) => this.#record(scan));
  }

  #record(scan: RecordScan): void {
    const { timestamp } = scan;
    if (scan.offsetDelta !== scan.passed - 1) this.inOrder = false;
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp;
    const outOfRange = timestamp < this.#earliest || timestamp > this.#latest;
    if (outOfRange || (this.#requireKeys && scan.keyLength < 0)) this.#suspect(scan);
  }

  #suspect({ passed, timestamp, keyLength }: RecordScan): void {
    const batchIndex = passed - 1;
    if (this.#requireKeys && keyLength < 0) {
      this.#refuse({ batchIndex, message: 'a compacted topic needs a key' });
      return;
    }
    const problem = timestampProblem(timestamp, this.#rules);
    if (problem === undefined) return;
    this.timestampRefused = true;
    this.#refuse({ batchIndex, message: problem });
  }

  #refuse(error: RecordError): void {
    if (this.errors.length < MAX_RECORD_ERRORS) this.errors.push(error);
  }
}

/**
 * Ms. With LogAppendTime any timestamp is allowed; while the time is unknown (NaN) none is out of
 * range.
 */
function timestampBounds({ timestampType, timestampBeforeMaxMs, timestampAfterMaxMs, now }: ProduceRules) {
  if (timestampType === 'LogAppendTime') {
    return { earliest: Number.NEGATIVE_INFINITY, latest: Number.POSITIVE_INFINITY };
  }
  return { earliest: now - timestampBeforeMaxMs, latest: now + timestampAfterMaxMs };
}

/** Why a timestamp is refused; undefined if it is allowed. */
export function timestampProblem(timestamp: number, rules: ProduceRules): string | undefined {
  if (timestamp === NO_TIMESTAMP) return undefined;
  const { earliest, latest } = timestampBounds(rules);
  if (!(timestamp < earliest || timestamp > latest)) return undefined;
  return `timestamp ${timestamp} is not within [${earliest}, ${latest}]`;
}

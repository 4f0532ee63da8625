import { type BatchHeader, NO_TIMESTAMP } from './batch.ts';
import type { ProduceRules, RecordError } from './produce-rules.ts';
import { RecordScan } from './scan.ts';

/** How many refused records an answer names: enough to see what is wrong, too few to make a large answer. */
export const MAX_RECORD_ERRORS = 100;

/** Holds every record of a batch against the rules; the work of LogValidator.validateRecord. */
export class RecordCheck {
  /** Ms; NO_TIMESTAMP if no record has a later one. */
  maxTimestamp = NO_TIMESTAMP;
  /** Whether the offset deltas were 0, 1, 2 and so on. */
  inOrder = true;
  readonly errors: RecordError[] = [];
  /** Whether a timestamp is among what is wrong. */
  timestampRefused = false;
  readonly scan: RecordScan;
  readonly #rules: ProduceRules;

  constructor(header: BatchHeader, rules: ProduceRules) {
    this.#rules = rules;
    this.scan = new RecordScan(header, (scan) => this.#record(scan));
  }

  #record({ passed, offsetDelta, timestamp, keyLength }: RecordScan): void {
    const batchIndex = passed - 1;
    if (offsetDelta !== batchIndex) this.inOrder = false;
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp;
    if (this.#rules.requireKeys && keyLength < 0) {
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

/** Tells why a timestamp cannot be, or undefined if it can. */
export function timestampProblem(timestamp: number, rules: ProduceRules): string | undefined {
  if (rules.timestampType === 'LogAppendTime' || timestamp === NO_TIMESTAMP) return undefined;
  const age = rules.now - timestamp;
  if (!(age > rules.timestampBeforeMaxMs || -age > rules.timestampAfterMaxMs)) return undefined;
  const earliest = rules.now - rules.timestampBeforeMaxMs;
  return `timestamp ${timestamp} is not within [${earliest}, ${rules.now + rules.timestampAfterMaxMs}]`;
}

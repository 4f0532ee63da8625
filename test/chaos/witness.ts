import type { FoundRecord } from '../crash/ledger.ts';
import type { Report } from '../simulation/ledger.ts';

/** A record as a reader got it. */
export interface ReadRecord {
  readonly offset: number;
  /** Whose it is and which; the same for the same record, whoever reads it. */
  readonly id: string;
}

/** What one fetch brought of one partition. */
export interface Poll {
  readonly who: string;
  readonly partition: number;
  /** The offset that was asked for. */
  readonly asked: number;
  /** In the order in which they came; whole batches, so that some may lie before `asked`. */
  readonly records: readonly ReadRecord[];
  readonly highWatermark: number;
}

interface Seen {
  /** By offset. */
  readonly ids: (string | undefined)[];
  /** One past the last offset that was acknowledged. */
  acknowledgedEnd: number;
  /** The furthest end or high watermark that anybody was told. */
  toldEnd: number;
}

/** Gathers what all clients together were shown of the partitions, and reports what cannot be true of one log. */
export class Witness {
  readonly #report: Report;
  readonly #partitions: Seen[];
  polls = 0;
  recordsRead = 0;
  /** The longest time in which nobody had anything acknowledged. */
  longestSilenceMs = 0;
  #acknowledgedAt = performance.now();

  constructor(partitions: number, report: Report) {
    this.#report = report;
    this.#partitions = Array.from({ length: partitions }, () => ({ ids: [], acknowledgedEnd: 0, toldEnd: 0 }));
  }

  get partitions(): number {
    return this.#partitions.length;
  }

  acknowledged(partition: number, lastOffset: number): void {
    const now = performance.now();
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#acknowledgedAt);
    this.#acknowledgedAt = now;
    const seen = this.#partitions[partition]!;
    seen.acknowledgedEnd = Math.max(seen.acknowledgedEnd, lastOffset + 1);
  }

  /** Whoever asks for the end of the log from now on is told at least this. */
  floor(partition: number): number {
    const { acknowledgedEnd, ids, toldEnd } = this.#partitions[partition]!;
    return Math.max(acknowledgedEnd, ids.length, toldEnd);
  }

  /** Takes the answer to a question for the end; `floor` is what `floor()` gave before it was asked. */
  toldEnd(who: string, partition: number, floor: number, end: number): void {
    if (end < floor) {
      this.#report('staleList', `${who}, partition ${partition}: the end is said to be ${end}, it was ${floor} before`);
    }
    const seen = this.#partitions[partition]!;
    seen.toldEnd = Math.max(seen.toldEnd, end);
  }

  /** Takes what a fetch brought; returns the offset to go on from. */
  polled({ who, partition, asked, records, highWatermark }: Poll): number {
    this.polls++;
    const seen = this.#partitions[partition]!;
    seen.toldEnd = Math.max(seen.toldEnd, highWatermark);
    const at = `${who}, partition ${partition}, fetch from ${asked}`;
    const [first] = records;
    if (first === undefined) return asked;
    let next = first.offset;
    if (next > asked) this.#report('skipped', `${at}: begins with ${next}`);
    for (const { offset, id } of records) {
      if (offset !== next) this.#report('skipped', `${at}: ${offset} comes where ${next} was to come`);
      next = offset + 1;
      if (offset >= highWatermark) this.#report('readAhead', `${at}: ${offset} is not below the mark ${highWatermark}`);
      const known = seen.ids[offset];
      if (known === undefined) seen.ids[offset] = id;
      else if (known !== id) this.#report('readOther', `${at}: ${offset} is ${id}, and was ${known} for others`);
    }
    if (next <= asked) {
      this.#report('skipped', `${at}: brought nothing but what comes before`);
      return asked;
    }
    this.recordsRead += next - asked;
    return next;
  }

  /** Holds all that was shown against the log as it is in the end. */
  compareWith(partition: number, log: readonly FoundRecord[]): void {
    const { ids, toldEnd, acknowledgedEnd } = this.#partitions[partition]!;
    for (const [offset, id] of ids.entries()) {
      // Nobody read it: whoever passed it over was reported then.
      if (id === undefined) continue;
      const found = log[offset];
      const foundId = found === undefined ? 'nothing' : recordId(found);
      if (foundId === id) continue;
      this.#report('readOther', `partition ${partition}: ${id} was read at ${offset}, where ${foundId} is in the end`);
    }
    const end = Math.max(toldEnd, acknowledgedEnd);
    if (end > log.length) {
      this.#report('readAhead', `partition ${partition}: clients were told of ${end} records, there are ${log.length}`);
    }
  }
}

export function recordId({ producer, count }: { readonly producer: string; readonly count: number }): string {
  return `${producer}:${count}`;
}

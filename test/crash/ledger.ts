/** A record as it was found in a partition. */
export interface FoundRecord {
  readonly offset: number;
  readonly producer: string;
  /** The producer's own count of its records, from 0. */
  readonly count: number;
}

/** What one producer sent to its partition, and what of it was acknowledged where. */
export class Ledger {
  readonly producer: string;
  readonly partition: number;
  readonly idempotent: boolean;
  /** Records sent at least once: counts 0 to this, exclusive. */
  sent = 0;
  /** Offsets of acknowledged records by their counts. */
  readonly acknowledged = new Map<number, number>();
  /**
   * Records that an idempotent producer gave up without knowing whether they had landed, and that were sent again under another
   * producer id: by their counts.
   */
  readonly mayRepeat = new Set<number>();

  constructor(producer: string, partition: number, idempotent: boolean) {
    this.producer = producer;
    this.partition = partition;
    this.idempotent = idempotent;
  }
}

/**
 * What is wrong with a partition's records, if anything: offsets must run from 0 without a gap, every acknowledged record must
 * stand at the offset that its acknowledgement named, and each producer's records must be there in the order of sending,
 * exactly once each if it is idempotent and did not give them up. Others may repeat what was not acknowledged.
 */
export function findProblems(records: readonly FoundRecord[], ledgers: readonly Ledger[]): string[] {
  const problems: string[] = [];
  for (const [index, { offset }] of records.entries()) {
    if (offset !== index) problems.push(`offset ${offset} comes where ${index} should be`);
  }
  const known = new Set(ledgers.map(({ producer }) => producer));
  const strangers = records.filter(({ producer }) => !known.has(producer));
  for (const { offset, producer } of strangers)
    problems.push(`offset ${offset} is of the unknown producer ${producer}`);
  for (const ledger of ledgers) problems.push(...findProducerProblems(records, ledger));
  return problems;
}

function findProducerProblems(records: readonly FoundRecord[], ledger: Ledger): string[] {
  const { producer, idempotent, sent, acknowledged, mayRepeat } = ledger;
  const problems: string[] = [];
  let next = 0;
  for (const record of records) {
    if (record.producer !== producer) continue;
    if (record.count >= sent) problems.push(`${producer} never sent its record ${record.count}`);
    if (record.count === next) next++;
    else if (record.count > next) {
      problems.push(`${producer}: record ${record.count} at offset ${record.offset} comes before record ${next}`);
      next = record.count + 1;
    } else if (idempotent && !mayRepeat.has(record.count)) {
      problems.push(`${producer}: record ${record.count} is there again at offset ${record.offset}`);
    }
  }
  for (const [count, offset] of acknowledged) {
    const found = records[offset];
    if (found?.producer === producer && found.count === count) continue;
    const instead = found === undefined ? 'nothing' : `record ${found.count} of ${found.producer}`;
    problems.push(`${producer}: record ${count} was acknowledged at offset ${offset}, where ${instead} is`);
  }
  return problems;
}

import type { ImportEntry } from '../../../lib/journal/import-entry.ts';
import { isControl, isTransactional, lastOffset, splitBatches } from '../../../lib/records/batch.ts';
import { readControlBatch } from '../../../lib/records/control.ts';
import { journalId } from '../../../lib/storage/items/journal-entry.ts';
import { decodeTopic, TOPICS_PK } from '../../../lib/storage/items/topic.ts';
import type { Item } from '../../../lib/storage/ports.ts';
import { type Ledger, type LedgerJournal, type LedgerPartition, partitionOf, type Report } from '../ledger.ts';
import { sameContent } from '../ledger-batches.ts';
import type { FileLog } from './log-files.ts';

/** Imported batches lie in no slot: they are sealed from the beginning. */
const SEALED = -1;

/** Takes an import that landed: its parts go on where the journal's partitions end. */
export function takeImport(ledger: Ledger, journal: LedgerJournal, entry: ImportEntry, where: string): void {
  const { fromSeq, toSeq, key, parts, partitions } = entry;
  const last = journal.entries.length - 2;
  if (fromSeq !== journal.sealedSeq + 1 || toSeq !== last) {
    return void ledger.report('badControl', `${where} seals ${fromSeq} to ${toSeq} instead of up to ${last}`);
  }
  ledger.trimmable(journal, journal.sealedSeq);
  journal.sealedSeq = toSeq;
  for (const { partition: number, start } of partitions) {
    if (start === undefined) continue;
    const partition = partitionOf(journal, number);
    if (partition.next > 0) return void ledger.report('badControl', `${where} begins partition ${number} again`);
    partition.next = start.baseOffset;
    partition.logStart = start.logStartOffset;
  }
  const object = parts.length === 0 ? Buffer.alloc(0) : ledger.object(key);
  if (object === undefined) return void ledger.report('objectMissing', `${where} names ${key}, which is not there`);
  for (const { partition: number, log, nextOffset } of parts) {
    const partition = partitionOf(journal, number);
    takeLog(ledger, partition, object.subarray(log.start, log.start + log.length), `${where}, partition ${number}`);
    if (partition.next !== nextOffset) {
      return void ledger.report('altered', `${where}: the part of partition ${number} ends at ${nextOffset}`);
    }
  }
  for (const { partition, producers } of partitions) {
    for (const [id, { epoch, batches }] of producers) {
      partitionOf(journal, partition).producers.set(id, { epoch, lastSequence: batches.at(-1)?.lastSequence ?? -1 });
    }
  }
}

function takeLog(ledger: Ledger, partition: LedgerPartition, log: Buffer, where: string): void {
  for (const { header, bytes } of splitBatches(log)) {
    const { baseOffset: base, producerId } = header;
    const at = `${where}, offset ${base}`;
    if (base !== partition.next) {
      return void ledger.report(
        base < partition.next ? 'offsetTwice' : 'offsetGap',
        `${at}: ${partition.next} is next`,
      );
    }
    const last = lastOffset(header);
    partition.next = last + 1;
    const open = partition.open.get(producerId);
    if (isControl(header.attributes)) {
      const control = readControlBatch(bytes);
      if (open !== undefined) open.outcome = control?.kind === 'marker' ? control.type : 'open';
      partition.open.delete(producerId);
      partition.batches.push({ base, last, sent: undefined, transaction: open, seq: SEALED });
      continue;
    }
    const sent = ledger.identify(bytes);
    if (sent === undefined) return void ledger.report('phantom', `${at}: no file has this batch`);
    if (!sameContent(bytes, sent)) return void ledger.report('altered', `${at}: ${sent.id} is not as in its file`);
    if (partition.seen.has(sent.id)) return void ledger.report('duplicate', `${at}: ${sent.id} is there already`);
    partition.seen.set(sent.id, 1);
    const transaction = isTransactional(header.attributes)
      ? (open ?? ({ producerId, firstOffset: base, outcome: 'open' } as const))
      : undefined;
    if (transaction !== undefined) partition.open.set(producerId, transaction);
    partition.batches.push({ base, last, sent, transaction, seq: SEALED });
  }
}

/** Holds topics that are imported against their files. */
export class ImportLedger {
  readonly #ledger: Ledger;
  readonly #report: Report;
  readonly #editions = new Map<string, (readonly FileLog[])[]>();
  readonly #named = new Set<string>();

  constructor(ledger: Ledger, report: Report) {
    this.#ledger = ledger;
    this.#report = report;
  }

  /** Files that somebody is going to import under that name. */
  expect(topic: string, files: readonly FileLog[]): void {
    this.#editions.set(topic, [...(this.#editions.get(topic) ?? []), files]);
  }

  /** An item of the state table. */
  wrote({ pk, sk, body }: Item): void {
    const editions = pk === TOPICS_PK ? this.#editions.get(sk) : undefined;
    if (editions === undefined) return;
    const { id, journals } = decodeTopic(body);
    if (this.#named.has(id)) return;
    this.#named.add(id);
    const holds = (files: readonly FileLog[]) =>
      files.every((file) => {
        const { partition } = file.source;
        const known = this.#ledger.partition(journalId(id, partition % journals), partition);
        return known !== undefined && holdsFile(known, file);
      });
    if (!editions.some(holds)) this.#report('importTorn', `${sk} has its name, and its journals not all of its files`);
  }
}

/** Every batch of the file in its place, and behind them nothing but the ends of transactions. */
function holdsFile(
  { batches, open, next }: LedgerPartition,
  { baseOffset, batches: all, nextOffset }: FileLog,
): boolean {
  const ends = batches.slice(all.length);
  const isWhole = all.every((sent, index) => batches[index] !== undefined && batches[index].sent === sent);
  const begins = batches[0]?.base === baseOffset;
  return isWhole && begins && open.size === 0 && next === nextOffset + ends.length && ends.every(({ sent }) => !sent);
}

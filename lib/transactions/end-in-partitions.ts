import type { ErrorName } from '../core/errors.ts';
import type { Journals } from '../journal/open-journal.ts';
import { isUnreadable } from '../journal/read.ts';
import type { JournalView } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { type JournalId, journalId } from '../storage/items/journal-entry.ts';
import type { TopicRecord } from '../storage/items/topic.ts';
import { writeMarkers } from './write-markers.ts';

/** The end of one transaction in partitions of a topic, as an administrator asks for it. */
export interface EndInPartitions {
  readonly topic: Pick<TopicRecord, 'id' | 'journals' | 'partitions'>;
  readonly partitions: readonly number[];
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly commit: boolean;
  /** From 2 on, the epoch has to be above that of the open transaction (KIP-1228). */
  readonly transactionVersion: number;
}

/**
 * Writes markers without a coordinator, which does not know of the transaction or does not list the
 * partition: a hanging transaction (KIP-664). Whether it hangs is for the caller to know, as in
 * Kafka. One error for each partition, in order.
 *
 * @param deadline by Clock.monotonic(); ms
 */
export async function endInPartitions(
  journals: Journals,
  request: EndInPartitions,
  deadline: number,
): Promise<ErrorName[]> {
  const { topic, partitions } = request;
  const byJournal = new Map<JournalId, number[]>();
  const errors = new Map<number, ErrorName>();
  for (const partition of partitions) {
    if (partition < 0 || partition >= topic.partitions) {
      errors.set(partition, 'UNKNOWN_TOPIC_OR_PARTITION');
      continue;
    }
    const id = journalId(topic.id, partition % topic.journals);
    byJournal.set(id, [...(byJournal.get(id) ?? []), partition]);
  }
  await each({}, [...byJournal], async ([id, listed]) => {
    for (const [partition, error] of await endInJournal(journals, id, listed, request, deadline)) {
      errors.set(partition, error);
    }
  });
  return partitions.map((partition) => errors.get(partition)!);
}

async function endInJournal(
  journals: Journals,
  journal: JournalId,
  listed: readonly number[],
  request: EndInPartitions,
  deadline: number,
): Promise<[number, ErrorName][]> {
  const all = (error: ErrorName) => listed.map((partition): [number, ErrorName] => [partition, error]);
  try {
    const open = await journals.open(journal);
    if (open === undefined) return all('UNKNOWN_TOPIC_OR_PARTITION');
    await open.journal.catchUp(true);
    const refused = listed.filter((partition) => isStale(open.journal.view, partition, request));
    const partitions = listed.filter((partition) => !refused.includes(partition));
    const { producerId, producerEpoch, commit } = request;
    const outcome = await writeMarkers(journals, { journal, partitions, producerId, producerEpoch, commit, deadline });
    const written: ErrorName = WRITTEN[outcome];
    return [
      ...refused.map((partition): [number, ErrorName] => [partition, 'INVALID_PRODUCER_EPOCH']),
      ...partitions.map((partition): [number, ErrorName] => [partition, written]),
    ];
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return all('KAFKA_STORAGE_ERROR');
  }
}

const WRITTEN = {
  written: 'NONE',
  gone: 'UNKNOWN_TOPIC_OR_PARTITION',
  over: 'NONE',
  timedOut: 'REQUEST_TIMED_OUT',
} as const satisfies Readonly<Record<Awaited<ReturnType<typeof writeMarkers>>, ErrorName>>;

/** Kafka: ProducerAppendInfo.checkProducerEpoch. */
function isStale(view: JournalView, partition: number, request: EndInPartitions): boolean {
  const { producerId, producerEpoch, transactionVersion } = request;
  const known = view.partitions.get(partition)?.producers.get(producerId);
  if (known === undefined) return false;
  const isOpen = view.partitions.get(partition)?.openTransactions.has(producerId) === true;
  return producerEpoch < known.epoch || (transactionVersion >= 2 && producerEpoch === known.epoch && isOpen);
}

import { journalId } from '../../lib/storage/items/journal-entry.ts';
import { LEADERS_PK } from '../../lib/storage/items/leader.ts';
import type { Item } from '../../lib/storage/ports.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import type { Sent } from '../chaos/sent.ts';
import { replayStored, type SlotWatch, StoredLedger } from '../chaos/stored-journals.ts';
import { findProblems } from '../crash/ledger.ts';
import { readPartition } from '../crash/read-partition.ts';
import { LeadershipLedger } from '../simulation/leadership/leadership-ledger.ts';
import { batchIndexAt, type Report } from '../simulation/ledger.ts';
import { TcpClient } from '../support/kafka-client.ts';
import type { TopicName } from '../support/requests.ts';
import type { Prober } from './prober.ts';
import type { FleetStage } from './stage.ts';

/** The ledger of what is stored, with who led when. */
class FleetLedger extends StoredLedger {
  readonly leadership = new LeadershipLedger(this, (kind, message) => this.report(kind, message));

  override wrote(item: Item): void {
    super.wrote(item);
    this.leadership.landed(item);
  }
}

export interface StoredFleet {
  readonly ends: readonly number[];
  readonly entries: number;
  readonly takeovers: number;
  readonly leadership: LeadershipLedger;
  journalOf(partition: number): string;
  /** The leader change under which a record lies. */
  reignAt(partition: number, offset: number): { readonly epoch: number; readonly leader: number } | undefined;
}

/** Replays the stored journals, and holds what was acknowledged against them and against what a sidecar reads. */
export async function checkStored(
  { stores, sidecar }: FleetStage,
  topic: TopicName,
  { partitions, journals }: { readonly partitions: number; readonly journals: number },
  { producers, probes }: { readonly producers: readonly Sent[]; readonly probes: readonly Sent[] },
  report: Report,
  watch: SlotWatch,
): Promise<StoredFleet> {
  const ledger = new FleetLedger(report, () => Date.now(), [...producers, ...probes]);
  const stored = await replayStored(stores, { id: topic.id, partitions, journals }, ledger, watch);
  const leaders = await stores.state.query({ pk: LEADERS_PK, consistent: true });
  for (const item of leaders.items) ledger.leadership.wrote(item);
  const client = await TcpClient.connect(sidecar.address);
  for (const [partition, end] of stored.ends.entries()) {
    const log = await readPartition(client, topic, partition);
    if (log.length !== end) report('viewDiffers', `the sidecar has ${log.length} of ${end} in ${partition}`);
    // Probes do not wait for each other, so that their records lie in any order.
    const of = producers.filter((sent) => sent.partition === partition);
    const known = new Set(probes.map(({ producer }) => producer));
    const problems = findProblems(log, of).filter((problem) => ![...known].some((name) => problem.includes(name)));
    for (const problem of problems) report('ackLost', `partition ${partition}: ${problem}`);
    for (const { producer, acknowledged } of probes.filter((sent) => sent.partition === partition)) {
      for (const [count, offset] of acknowledged) {
        const found = log[offset];
        if (found?.producer === producer && found.count === count) continue;
        report('ackLost', `partition ${partition}: record ${count} of ${producer} is not at ${offset}`);
      }
    }
  }
  client.close();
  const journalOf = (partition: number) => journalId(topic.id, partition % journals);
  return {
    ends: stored.ends,
    entries: stored.entries,
    takeovers: ledger.leadership.takeovers,
    leadership: ledger.leadership,
    journalOf,
    reignAt: (partition, offset) => {
      const found = ledger.partition(journalOf(partition), partition);
      const batch = found?.batches[found === undefined ? -1 : batchIndexAt(found, offset)];
      return batch === undefined ? undefined : ledger.leadership.reignAt(journalOf(partition), batch.seq);
    },
  };
}

/** Asks each partition's leader where each epoch ended, by raw frames; how many were answered. */
export async function checkEpochEnds(
  prober: Prober,
  topic: TopicName,
  partitions: number,
  stored: StoredFleet,
  report: Report,
): Promise<number> {
  let asked = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const journal = stored.journalOf(partition);
    const lead = await prober.leaderOf(partition);
    if (lead === undefined) {
      report('leaderless', `nobody tells who leads partition ${partition}`);
      continue;
    }
    const client = await TcpClient.connect(lead.address);
    for (let epoch = 0; epoch <= lead.epoch + 1; epoch++) {
      const { topics } = await client.ask(ApiKey.OffsetForLeaderEpoch, 4, {
        replicaId: -1,
        topics: [
          { topic: topic.name, partitions: [{ partition, currentLeaderEpoch: lead.epoch, leaderEpoch: epoch }] },
        ],
      });
      const { errorCode, leaderEpoch, endOffset } = topics[0]!.partitions[0]!;
      const expected = stored.leadership.endOf(journal, partition, epoch);
      asked++;
      if (errorCode === 0 && leaderEpoch === expected.epoch && endOffset === expected.endOffset) continue;
      const told = `error ${errorCode}, epoch ${leaderEpoch}, offset ${endOffset}`;
      report('epochEnd', `epoch ${epoch} of partition ${partition}: ${told} instead of ${JSON.stringify(expected)}`);
    }
    client.close();
  }
  return asked;
}

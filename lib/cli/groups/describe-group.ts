import type { Committed, DescribedGroup, GroupMember } from '../client/groups.ts';
import type { OffsetRange } from '../client/offsets.ts';
import { table } from '../terminal/text.ts';

/** A group's position in one partition. */
export interface PartitionStanding {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Null if nothing is committed. */
  readonly currentOffset: number | null;
  readonly logEndOffset: number | null;
  readonly lag: number | null;
  readonly memberId: string | null;
  readonly host: string | null;
  readonly clientId: string | null;
}

/**
 * A group's position in every partition that it has committed or that is assigned to a member. The
 * lag is the distance from the committed offset to the end.
 */
export async function standingOf(
  { group, members }: DescribedGroup,
  committed: readonly Committed[],
  rangesOf: (topic: string) => Promise<ReadonlyMap<number, OffsetRange>>,
): Promise<PartitionStanding[]> {
  const owners = new Map<string, { topic: string; partition: number; member: GroupMember | undefined }>();
  for (const { topic, partition } of committed) {
    owners.set(`${topic}/${partition}`, { topic, partition, member: undefined });
  }
  for (const member of members) {
    for (const [topic, partitions] of member.assignment ?? []) {
      for (const partition of partitions) owners.set(`${topic}/${partition}`, { topic, partition, member });
    }
  }
  const rows = [...owners.values()].sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
  );
  return Promise.all(
    rows.map(async ({ topic, partition, member }) => {
      const offset = committed.find((one) => one.topic === topic && one.partition === partition)?.offset ?? null;
      const end = (await rangesOf(topic)).get(partition)?.end ?? null;
      return {
        group,
        topic,
        partition,
        currentOffset: offset,
        logEndOffset: end,
        lag: offset === null || end === null ? null : end - offset,
        memberId: member?.memberId ?? null,
        host: member?.host ?? null,
        clientId: member?.clientId ?? null,
      };
    }),
  );
}

/** The table of `tidelog groups describe`, with Kafka's headings. */
export function standingText(rows: readonly PartitionStanding[]): string {
  return table(
    ['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID', 'HOST', 'CLIENT-ID'],
    rows.map((row) => [
      row.group,
      row.topic,
      row.partition,
      row.currentOffset ?? '-',
      row.logEndOffset ?? '-',
      row.lag ?? '-',
      row.memberId ?? '-',
      row.host ?? '-',
      row.clientId ?? '-',
    ]),
  );
}

/** The table of `--members`; with `verbose` also each member's partitions. */
export function membersText({ group, members }: DescribedGroup, verbose: boolean): string {
  const headings = ['GROUP', 'CONSUMER-ID', 'INSTANCE-ID', 'HOST', 'CLIENT-ID', '#PARTITIONS'];
  return table(
    [...headings, ...(verbose ? ['EPOCH', 'ASSIGNMENT'] : [])],
    members.map((member) => {
      const assigned = [...(member.assignment ?? [])];
      const count = assigned.reduce((sum, [, partitions]) => sum + partitions.length, 0);
      const text = assigned.map(([topic, partitions]) => `${topic}(${partitions.join(',')})`).join(', ');
      return [
        group,
        member.memberId,
        member.instanceId ?? '-',
        member.host,
        member.clientId,
        count,
        ...(verbose ? [member.epoch ?? '-', text === '' ? '-' : text] : []),
      ];
    }),
  );
}

/** The table of `--state`. */
export function stateText(groups: readonly DescribedGroup[]): string {
  return table(
    ['GROUP', 'TYPE', 'COORDINATOR', 'ASSIGNMENT-STRATEGY', 'STATE', '#MEMBERS'],
    groups.map(({ group, type, coordinator, assignor, state, members }) => [
      group,
      type,
      coordinator,
      assignor === '' ? '-' : assignor,
      state,
      members.length,
    ]),
  );
}

/** A described group for `--json`. */
export function groupJson({ members, ...group }: DescribedGroup, offsets: readonly PartitionStanding[]) {
  return {
    ...group,
    members: members.map(({ assignment, ...member }) => ({
      ...member,
      assignment: assignment === undefined ? null : Object.fromEntries(assignment),
    })),
    offsets: offsets.map(({ group: _, ...offset }) => offset),
  };
}

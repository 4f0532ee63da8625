import type { Difference } from './compare.ts';

/** A difference that stays, and why. `what` and `why` stand in docs/COMPATIBILITY.md word for word. */
export interface AcceptedDifference {
  readonly what: string;
  readonly why: string;
  readonly matches: (difference: Difference) => boolean;
}

const inCase = (difference: Difference, ...cases: string[]) =>
  cases.some((one) => difference.label.endsWith(` ${one}`));

/** Kafka sends an error alone, Tidelog with a sentence. */
const onlyHereASentence = ({ path, tidelog, kafka }: Difference) =>
  path.endsWith('errorMessage') && typeof tidelog === 'string' && tidelog !== '' && (kafka === null || kafka === '');

export const ACCEPTED: readonly AcceptedDifference[] = [
  {
    what: 'ApiVersions lists only the APIs that are served, and of the features only `transaction.version`',
    why: 'clients take what is listed for what works',
    matches: ({ api, path }) =>
      api === 'ApiVersions' &&
      ['apiKeys', 'supportedFeatures', 'finalizedFeaturesEpoch', 'finalizedFeatures'].includes(path),
  },
  {
    what: 'Topics have the config `tidelog.journals`',
    why: 'it says on how many journals a topic is spread, which Kafka does not have',
    matches: ({ path }) => path.includes('[tidelog.journals]'),
  },
  {
    what: 'The default of `min.insync.replicas` is a default of the program; a new Kafka cluster has it as a dynamic default',
    why: 'the cluster has no configs that change while it runs',
    matches: ({ path }) => path.includes('[min.insync.replicas]'),
  },
  {
    what: '`min.cleanable.dirty.ratio=NaN` and configs whose names begin with `internal.` get INVALID_CONFIG',
    why: 'NaN is no ratio, and the others are for the tests of Kafka',
    matches: (one) => inCase(one, 'min.cleanable.dirty.ratio=NaN', 'internal.segment.bytes=100'),
  },
  {
    what: 'CreatePartitions beyond 10,000 partitions gets INVALID_PARTITIONS; Kafka fails on the largest counts with UNKNOWN_SERVER_ERROR',
    why: 'a topic has at most 10,000 partitions',
    matches: (one) => one.api === 'CreatePartitions' && inCase(one, '2147483647'),
  },
  {
    what: 'Some errors have a sentence that Kafka sends alone: those of Produce, of DescribeConfigs for a topic that is not there, and of FindCoordinator for share groups',
    why: 'it says what was wrong with the batch, or names the topic',
    matches: (one) => ['Produce', 'DescribeConfigs', 'FindCoordinator'].includes(one.api) && onlyHereASentence(one),
  },
  {
    what: 'Client metrics subscriptions are not described (INVALID_REQUEST), and the configs of a group are read-only',
    why: 'neither can be set',
    matches: (one) =>
      one.api === 'DescribeConfigs' &&
      (inCase(one, 'type 16 "m"') || (inCase(one, 'a group') && one.path.endsWith('.readOnly'))),
  },
  {
    what: 'In a partition whose records were all deleted, ListOffsets finds no record with the largest timestamp; Kafka may answer with a deleted record',
    why: 'the record cannot be read',
    matches: ({ api, label }) => api === 'ListOffsets' && /^record deletion: .* at -3$/.test(label),
  },
  {
    what: 'Fetch does not look at the last fetched epoch',
    why: 'replicas send it, consumers ask OffsetForLeaderEpoch',
    matches: (one) => one.api === 'Fetch' && inCase(one, 'last fetched epoch'),
  },
  {
    what: 'A JoinGroup that is refused for its protocols leaves no group behind; Kafka lists an empty one until it expires',
    why: 'nothing is written for a request that changes nothing',
    matches: ({ api, path }) => api === 'ListGroups' && path === 'groups',
  },
  {
    what: 'The epochs of a KIP-848 group count otherwise: a new group begins at 1, in Kafka at 2',
    why: 'clients only compare them',
    matches: ({ path }) => /(^|\.)(memberEpoch|groupEpoch|assignmentEpoch)$/.test(path),
  },
  {
    what: 'Sentences of ConsumerGroupHeartbeat do not repeat the id of the group',
    why: 'the client knows which group it asked about',
    matches: (one) => one.api === 'ConsumerGroupHeartbeat' && one.path === 'errorMessage' && inCase(one, 'leave again'),
  },
  {
    what: "DescribeLogDirs does not know the sizes of the volume (-1), and its sizes of partitions differ from those of Kafka's files",
    why: 'batches of many partitions share entries and objects',
    matches: ({ api, path }) => api === 'DescribeLogDirs' && /(partitionSize|totalBytes|usableBytes)$/.test(path),
  },
  {
    what: 'DescribeProducers has no sentence for a topic that is not there',
    why: 'the error code says it',
    matches: ({ api, path }) => api === 'DescribeProducers' && path === 'topics.partitions.errorMessage',
  },
];

/** The entry that a difference belongs to; undefined if it is one to be mended. */
export function acceptedAs(difference: Difference): AcceptedDifference | undefined {
  return ACCEPTED.find(({ matches }) => matches(difference));
}

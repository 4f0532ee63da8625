import type { CallKind } from '../storage/ports.ts';
import type { ApiName } from '../wire/api-key.ts';

// One row for each API that Tidelog serves. The handler of API NN is in lib/broker/api/NN-name.ts. This file imports no
// handler, so that the gateway's tunnel and the stacks can read it (docs/decisions/0011-apis.md).

/** The functions that take Kafka frames. Each has IAM rights of its own. */
export const FRAME_FUNCTIONS = ['produce', 'fetch', 'coordinate', 'admin'] as const;

export type FrameFunction = (typeof FRAME_FUNCTIONS)[number];

/** Versions of one API. */
export interface ServedVersions {
  /** The lowest version that ApiVersions shows. */
  readonly advertisedMin: number;
  /** The lowest version that is answered. */
  readonly min: number;
  readonly max: number;
}

/** What is declared of one API. */
export interface ApiRow extends ServedVersions {
  /** The function that serves it in a deployment of functions. */
  readonly function: FrameFunction;
  /** The right that it needs: the store calls that it makes. The IAM policy of the function allows the sum of its APIs. */
  readonly calls: readonly CallKind[];
  /**
   * How many elements the arrays of one request may have together. A request with more closes its connection: Kafka has no
   * such limit, and no error for it.
   */
  readonly elementsMax: number;
  /**
   * - `inOrder`: requests of a connection overlap, and take their places in the journals in the order of their arrival.
   * - `waiting`: a request may wait for other requests (for records, for members) for most of its time.
   */
  readonly progress?: 'inOrder' | 'waiting';
  /**
   * A request may be carried out twice and nobody notices: it only reads, or it sets what is to be so. The tunnel sends it
   * again when an answer is lost. Other requests are repeated by the client.
   */
  readonly isRepeatable?: true;
}

function versions(min: number, max: number, advertisedMin = min): ServedVersions {
  return { advertisedMin, min, max };
}

/**
 * Where each element costs a look at memory, or a share of a read: twice TOPICS_NAMED_MAX, as each topic may name a
 * partition. Decoding so many takes some 100 ms, in which nothing else is served.
 */
const LOOKED_UP_MAX = 200_000;

/** Where each element costs reads of its own, or work that grows with the number of the others. */
const READ_MAX = 20_000;

/**
 * Where each element is written by itself: at some 100 a second, more than any client's time-out leaves room for. Requests
 * that Kafka limits to 10,000 (QuorumController.MAX_RECORDS_PER_USER_OP) get Kafka's error, so they have to be decoded first
 * and have LOOKED_UP_MAX.
 */
const WRITTEN_MAX = 10_000;

/** Journals are read from their entries and checkpoints, and appended to. */
const APPENDS = ['journal.query', 'journal.put', 'state.get', 'state.put', 'blobs.get', 'blobs.put'] as const;
/** Records are read from entries and from WAL objects. */
const READS_RECORDS = ['journal.query', 'state.get', 'blobs.get', 'blobs.getRange'] as const;
const READS_ITEMS = ['state.get', 'state.query'] as const;
const WRITES_ITEMS = ['state.get', 'state.put'] as const;
/** Groups are put, and what they leave behind is deleted. */
const KEEPS_GROUPS = ['state.get', 'state.query', 'state.put', 'state.delete'] as const;

/** The APIs that are served, and no others are advertised. In the order of their keys. */
export const APIS = {
  Produce: {
    // librdkafka before 2.11.1 takes a broker without Produce 0 for one that has no compression.
    ...versions(3, 13, 0),
    function: 'produce',
    calls: [...APPENDS, 'blobs.getRange'],
    elementsMax: LOOKED_UP_MAX,
    progress: 'inOrder',
  },
  Fetch: {
    ...versions(4, 18),
    function: 'fetch',
    calls: READS_RECORDS,
    elementsMax: LOOKED_UP_MAX,
    progress: 'waiting',
    isRepeatable: true,
  },
  ListOffsets: {
    ...versions(1, 11),
    function: 'fetch',
    calls: READS_RECORDS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  Metadata: {
    ...versions(0, 13),
    function: 'admin',
    // It may create topics.
    calls: [...APPENDS, 'state.query'],
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  OffsetCommit: {
    ...versions(2, 10),
    function: 'coordinate',
    calls: KEEPS_GROUPS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  OffsetFetch: {
    ...versions(1, 10),
    function: 'coordinate',
    calls: READS_ITEMS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  FindCoordinator: {
    // librdkafka before 2.11.1 compresses with lz4 only where version 0 is advertised.
    ...versions(0, 6),
    function: 'coordinate',
    calls: [],
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  JoinGroup: {
    // librdkafka before 2.11.1 has no groups where version 0 is not advertised.
    ...versions(0, 9),
    function: 'coordinate',
    calls: KEEPS_GROUPS,
    elementsMax: READ_MAX,
    progress: 'waiting',
  },
  Heartbeat: {
    ...versions(0, 4),
    function: 'coordinate',
    calls: KEEPS_GROUPS,
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  LeaveGroup: { ...versions(0, 5), function: 'coordinate', calls: KEEPS_GROUPS, elementsMax: READ_MAX },
  SyncGroup: {
    ...versions(0, 5),
    function: 'coordinate',
    calls: KEEPS_GROUPS,
    elementsMax: READ_MAX,
    progress: 'waiting',
  },
  DescribeGroups: {
    ...versions(0, 6),
    function: 'coordinate',
    calls: READS_ITEMS,
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  ListGroups: {
    ...versions(0, 5),
    function: 'coordinate',
    calls: READS_ITEMS,
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  ApiVersions: { ...versions(0, 4), function: 'admin', calls: [], elementsMax: READ_MAX },
  // A topic may be created with an assignment for each of its partitions.
  CreateTopics: { ...versions(2, 7), function: 'admin', calls: APPENDS, elementsMax: LOOKED_UP_MAX },
  DeleteTopics: { ...versions(1, 6), function: 'admin', calls: APPENDS, elementsMax: WRITTEN_MAX },
  InitProducerId: { ...versions(0, 5), function: 'coordinate', calls: WRITES_ITEMS, elementsMax: READ_MAX },
  OffsetForLeaderEpoch: {
    ...versions(2, 4),
    function: 'fetch',
    calls: READS_RECORDS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  DescribeConfigs: {
    ...versions(1, 4),
    function: 'admin',
    calls: READS_ITEMS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  AlterConfigs: { ...versions(0, 2), function: 'admin', calls: WRITES_ITEMS, elementsMax: LOOKED_UP_MAX },
  DescribeLogDirs: {
    ...versions(1, 5),
    function: 'admin',
    calls: READS_ITEMS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  CreatePartitions: { ...versions(0, 3), function: 'admin', calls: APPENDS, elementsMax: LOOKED_UP_MAX },
  DeleteGroups: { ...versions(0, 2), function: 'coordinate', calls: KEEPS_GROUPS, elementsMax: READ_MAX },
  ElectLeaders: { ...versions(0, 2), function: 'admin', calls: READS_ITEMS, elementsMax: LOOKED_UP_MAX },
  IncrementalAlterConfigs: {
    ...versions(0, 1),
    function: 'admin',
    calls: WRITES_ITEMS,
    elementsMax: LOOKED_UP_MAX,
  },
  AlterPartitionReassignments: {
    ...versions(0, 1),
    function: 'admin',
    calls: READS_ITEMS,
    elementsMax: READ_MAX,
  },
  ListPartitionReassignments: {
    ...versions(0, 0),
    function: 'admin',
    calls: [],
    elementsMax: READ_MAX,
  },
  OffsetDelete: { ...versions(0, 0), function: 'coordinate', calls: KEEPS_GROUPS, elementsMax: LOOKED_UP_MAX },
  DescribeQuorum: { ...versions(0, 2), function: 'admin', calls: [], elementsMax: READ_MAX },
  UpdateFeatures: { ...versions(0, 2), function: 'admin', calls: [], elementsMax: READ_MAX },
  DescribeCluster: {
    ...versions(0, 2),
    function: 'admin',
    calls: [],
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  // Members list the partitions that they own.
  ConsumerGroupHeartbeat: {
    ...versions(0, 1),
    function: 'coordinate',
    calls: KEEPS_GROUPS,
    elementsMax: LOOKED_UP_MAX,
  },
  ConsumerGroupDescribe: {
    ...versions(0, 1),
    function: 'coordinate',
    calls: READS_ITEMS,
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  ListConfigResources: {
    ...versions(0, 1),
    function: 'admin',
    calls: READS_ITEMS,
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  DescribeTopicPartitions: {
    ...versions(0, 0),
    function: 'admin',
    calls: READS_ITEMS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
} as const satisfies Readonly<Partial<Record<ApiName, ApiRow>>>;

/** The APIs that are served. */
export type ServedName = keyof typeof APIS;

/** Those of them that a function serves. */
export type ServedBy<F extends FrameFunction> = {
  [Name in ServedName]: (typeof APIS)[Name]['function'] extends F ? Name : never;
}[ServedName];

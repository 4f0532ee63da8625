import type { CallKind } from '../storage/ports.ts';
import type { ApiName } from '../wire/api-key.ts';

// One row for each API that Tidelog serves. The handler of API NN is in lib/broker/api/NN-name.ts.
// This file imports no handler, so that the gateway's tunnel and the stacks can import it
// (docs/decisions/0011-apis.md).

/** The functions that serve Kafka frames. Each has its own IAM policy. */
export const FRAME_FUNCTIONS = ['produce', 'fetch', 'coordinate', 'admin'] as const;

export type FrameFunction = (typeof FRAME_FUNCTIONS)[number];

/** The versions of one API. */
export interface ServedVersions {
  /** The lowest version that ApiVersions shows. */
  readonly advertisedMin: number;
  /** The lowest version that is served. */
  readonly min: number;
  readonly max: number;
}

/** The declaration of one API. */
export interface ApiRow extends ServedVersions {
  /** The function that serves it in a serverless deployment. */
  readonly function: FrameFunction;
  /**
   * The kinds of store calls that it makes. A function's IAM policy allows those of all its APIs.
   */
  readonly calls: readonly CallKind[];
  /**
   * The most elements that all arrays of one request may have in total. A larger request closes its
   * connection: Kafka has no such limit, and no error for it.
   */
  readonly elementsMax: number;
  /**
   * - `inOrder`: requests of a connection overlap, and take their places in the journals in order
   *   of arrival.
   * - `waiting`: a request may wait for other requests (for records, for members) for most of its
   *   time.
   */
  readonly progress?: 'inOrder' | 'waiting';
  /**
   * The request has the same effect when carried out twice: it only reads, or it sets a state. The
   * tunnel resends it when an answer is lost. Other requests are resent by the client.
   */
  readonly isRepeatable?: true;
}

function versions(min: number, max: number, advertisedMin = min): ServedVersions {
  return { advertisedMin, min, max };
}

/**
 * For elements that cost a lookup in memory, or a share of a read: twice TOPICS_NAMED_MAX, as each
 * topic may name a partition. Decoding this many takes some 100 ms, during which no other request
 * is served.
 */
const LOOKED_UP_MAX = 200_000;

/** For elements that each cost a read, or whose cost grows with the number of elements. */
const READ_MAX = 20_000;

/**
 * For elements that are each written separately: at some 100 per second, 10,000 take longer than
 * any client's time-out. Requests that Kafka limits to 10,000
 * (QuorumController.MAX_RECORDS_PER_USER_OP) get Kafka's error instead, so they have to be decoded
 * and have LOOKED_UP_MAX.
 */
const WRITTEN_MAX = 10_000;

/** Reads journal entries and checkpoints, and appends to journals. */
const APPENDS = ['journal.query', 'journal.put', 'state.get', 'state.put', 'blobs.get', 'blobs.put'] as const;
/** Reads the views of journals. */
const READS_VIEWS = ['journal.query', 'state.get', 'blobs.get', 'blobs.getRange'] as const;
/** Reads records from entries, WAL objects and segments, which are found by a query. */
const READS_RECORDS = [...READS_VIEWS, 'state.query'] as const;
/** Writes the markers of a transaction, and ends the pending offsets of its groups. */
const ENDS_TRANSACTIONS = [...APPENDS, 'state.query'] as const;
const READS_ITEMS = ['state.get', 'state.query'] as const;
const WRITES_ITEMS = ['state.get', 'state.put'] as const;
/** Writes groups and deletes their obsolete items. */
const KEEPS_GROUPS = ['state.get', 'state.query', 'state.put', 'state.delete'] as const;

/** The APIs that are served and advertised, by key. */
export const APIS = {
  Produce: {
    // librdkafka before 2.11.1 assumes that a broker without Produce 0 does not support
    // compression.
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
    calls: KEEPS_GROUPS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  FindCoordinator: {
    // librdkafka before 2.11.1 uses lz4 only if version 0 is advertised.
    ...versions(0, 6),
    function: 'coordinate',
    calls: [],
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  JoinGroup: {
    // librdkafka before 2.11.1 supports groups only if version 0 is advertised.
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
  ApiVersions: { ...versions(0, 4), function: 'admin', calls: ['state.get'], elementsMax: READ_MAX },
  // A new topic may have an assignment for each of its partitions.
  CreateTopics: { ...versions(2, 7), function: 'admin', calls: APPENDS, elementsMax: LOOKED_UP_MAX },
  DeleteTopics: { ...versions(1, 6), function: 'admin', calls: APPENDS, elementsMax: WRITTEN_MAX },
  DeleteRecords: {
    ...versions(0, 2),
    // Not `produce`, whose callers must not be able to delete what others have produced.
    function: 'admin',
    calls: APPENDS,
    elementsMax: READ_MAX,
  },
  // `produce` serves transactions, since their ends are appended to journals, and those of committed
  // offsets are found by a query.
  InitProducerId: { ...versions(0, 5), function: 'produce', calls: ENDS_TRANSACTIONS, elementsMax: READ_MAX },
  OffsetForLeaderEpoch: {
    ...versions(2, 4),
    function: 'fetch',
    calls: READS_VIEWS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  AddPartitionsToTxn: { ...versions(0, 5), function: 'produce', calls: ENDS_TRANSACTIONS, elementsMax: READ_MAX },
  AddOffsetsToTxn: { ...versions(0, 4), function: 'produce', calls: ENDS_TRANSACTIONS, elementsMax: READ_MAX },
  EndTxn: { ...versions(0, 5), function: 'produce', calls: ENDS_TRANSACTIONS, elementsMax: READ_MAX },
  WriteTxnMarkers: { ...versions(1, 2), function: 'admin', calls: APPENDS, elementsMax: WRITTEN_MAX },
  TxnOffsetCommit: { ...versions(0, 5), function: 'coordinate', calls: KEEPS_GROUPS, elementsMax: LOOKED_UP_MAX },
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
  UpdateFeatures: { ...versions(0, 2), function: 'admin', calls: WRITES_ITEMS, elementsMax: READ_MAX },
  DescribeCluster: {
    ...versions(0, 2),
    function: 'admin',
    calls: [],
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  DescribeProducers: {
    ...versions(0, 0),
    function: 'admin',
    calls: READS_VIEWS,
    elementsMax: LOOKED_UP_MAX,
    isRepeatable: true,
  },
  DescribeTransactions: {
    ...versions(0, 0),
    function: 'coordinate',
    calls: READS_ITEMS,
    elementsMax: READ_MAX,
    isRepeatable: true,
  },
  ListTransactions: {
    ...versions(0, 2),
    function: 'coordinate',
    calls: READS_ITEMS,
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

/** Names of the APIs that are served. */
export type ServedName = keyof typeof APIS;

/** Names of the APIs that a function serves. */
export type ServedBy<F extends FrameFunction> = {
  [Name in ServedName]: (typeof APIS)[Name]['function'] extends F ? Name : never;
}[ServedName];

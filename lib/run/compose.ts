import { allowAll } from '../auth/authorize.ts';
import type { Broker } from '../broker/broker.ts';
import { clusterId } from '../cluster/cluster-id.ts';
import type { FinalizedFeature } from '../cluster/transaction-feature.ts';
import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import { ZERO_UUID } from '../core/uuid.ts';
import { EntryCache } from '../journal/entry-cache.ts';
import { COST_PACING, type DueJournals, type JournalEnvironment, LATENCY_PACING } from '../journal/environment.ts';
import { Journals } from '../journal/open-journal.ts';
import { type TierLimits, WRITE_UNITS_PER_SECOND_MAX } from '../journal/tier.ts';
import { WalWriter } from '../journal/wal.ts';
import { Turns } from '../kit/turns.ts';
import type { Settings } from '../settings/settings.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
import { OffsetsTopic } from '../topics/offsets-topic.ts';
import type { TopicDefaults } from '../topics/topic-configs.ts';
import { journalsOf, Topics } from '../topics/topics.ts';
import { ProducerIds } from '../transactions/producer-ids.ts';
import { brokerConfigs } from './broker-configs.ts';
import type { ComposeLeadership, ComposeOptions } from './compose-options.ts';
import type { MakeDueJournals } from './due-journals.ts';
import { groupConfig } from './group-config.ts';
import { type SegmentSettings, segmentSettings } from './segment-limits.ts';

/** The engine of every process and function, whatever APIs it serves. */
export interface Engine {
  readonly broker: Broker;
  /** The clock by which cached facts of the store expire. */
  readonly ageing: Clock;
  readonly segments: SegmentSettings;
  /** The settings of REST that its upkeep needs. */
  readonly rest: { readonly instanceTimeoutMs: number };
  /** Lets running checkpoint writes finish. */
  close(): Promise<void>;
}

/** How long a flush in WAL mode gathers batches if the setting is absent, by profile; ms. */
const LINGER_MS: Readonly<Record<string, number>> = { latency: 25, default: 250, cost: 1_500 };

/** Concurrent writes of WAL objects: a PUT to S3 takes 50 to 100 ms. */
const WAL_IN_FLIGHT = 8;

/**
 * Builds the engine from the stores. Throws StoreUnavailableError.
 *
 * @param makeDueJournals for a process that appends batches, or deletes topics or records
 */
export async function composeEngine(
  options: ComposeOptions,
  leadershipOf: ComposeLeadership,
  makeDueJournals?: MakeDueJournals,
): Promise<Engine> {
  const { stores, clock, random, logger, settings, asFunction } = options;
  const env = journalEnvironment(
    options,
    makeDueJournals?.(options, (journal) => topics.recall(topicIdOf(journal))?.config),
  );
  const journals = new Journals(env);
  // A frozen function's monotonic clock may stop, so its caches expire by the wall clock. Nothing
  // else depends on it.
  const ageing = asFunction === undefined ? clock : wallClock(clock);
  const offsetsTopic = new OffsetsTopic(stores.state, settings.offsetsTopicNumPartitions);
  const topics: Topics = new Topics(stores.state, ageing, topicDefaults(settings), {
    offsetsTopic,
    usesConfigs: asFunction?.usesTopicConfigs,
    onGone: (record) => {
      for (const id of journalsOf(record)) journals.forget(id);
    },
  });
  const needsId = asFunction?.needsClusterId !== false;
  const id = settings.clusterId ?? (needsId ? await clusterId(stores.state, clock, random) : ZERO_UUID);
  const { authorize = allowAll } = options;
  const broker: Broker = {
    clock,
    turns: env.turns,
    logger,
    authorize,
    clusterId: id,
    leadership: leadershipOf(options, journals, ageing),
    advertised: options.advertised,
    admin: {
      journals,
      topics,
      defaultPartitions: settings.numPartitions,
      defaultReplicationFactor: settings.defaultReplicationFactor,
      defaultJournals: settings.journals,
      brokerConfigs: brokerConfigs(settings),
    },
    producerIds: new ProducerIds(stores.state, clock, random),
    transactionFeature: pinnedFeature(settings.transactionVersion === 1 ? 1 : 2),
    settings: {
      autoCreateTopics: settings.autoCreateTopicsEnable,
      deleteTopics: settings.deleteTopicEnable,
      groups: groupConfig(settings),
      fetchMaxBytes: settings.fetchMaxBytes,
      transactionalIdExpirationMs: settings.transactionalIdExpirationMs,
      logDir: logDirOf(settings),
    },
    observer: options.observer,
  };
  return {
    broker,
    ageing,
    segments: segmentSettings(settings),
    rest: { instanceTimeoutMs: settings.consumerInstanceTimeoutMs },
    close: () => journals.settle(),
  };
}

/** The level of the setting. */
function pinnedFeature(level: 1 | 2): FinalizedFeature {
  return {
    pinned: level,
    finalized: async () => ({ level, epoch: level }),
    change: async () => assert(false, 'the level of transaction.version is a setting'),
  };
}

function wallClock(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.now(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
  };
}

/** The counterpart of Kafka's log directory: where the records are stored. */
function logDirOf({ store, dataDir, bucket }: Settings): string {
  return { embedded: dataDir, memory: 'memory', aws: `s3://${bucket}` }[store];
}

/**
 * All frames of one envelope reach a function's queues within one turn of the event loop. Gathering
 * longer would only delay them.
 */
const FUNCTION_GATHER_MS = 1;

function journalEnvironment(options: ComposeOptions, dueJournals: DueJournals | undefined): JournalEnvironment {
  const { stores, clock, random, logger, settings, observer, asFunction, local } = options;
  const isFunction = asFunction !== undefined;
  // A function flushes once per request, so its rate says nothing. Only a flush's size decides
  // whether it becomes an item or a WAL object.
  const limits = local?.tier ?? tierLimits(settings);
  const tier = isFunction ? { ...limits, lingerMs: 0 } : limits;
  const walLimits = {
    lingerMs: isFunction ? FUNCTION_GATHER_MS : tier.lingerMs,
    flushBytes: settings.walFlushBytes,
    inFlight: local?.walInFlight ?? WAL_IN_FLIGHT,
  };
  return {
    stores,
    clock,
    random,
    logger,
    cache: new EntryCache(settings.cacheBytes),
    wal: new WalWriter(stores.blobs, clock, random, walLimits),
    tier,
    pacing: settings.profile === 'cost' ? COST_PACING : LATENCY_PACING,
    trust: { generation: 0 },
    turns: new Turns(clock),
    observer,
    gatherMs: isFunction ? FUNCTION_GATHER_MS : undefined,
    collectsObjects: asFunction?.collectsUnused,
    dueJournals,
  };
}

function tierLimits(settings: Settings): TierLimits {
  return {
    inlineMaxBytes: settings.inlineMaxBytes,
    lingerMs: settings.lingerMs ?? LINGER_MS[settings.profile]!,
    writeUnitsPerSecond: WRITE_UNITS_PER_SECOND_MAX,
  };
}

function topicDefaults(settings: Settings): TopicDefaults {
  return {
    maxMessageBytes: settings.messageMaxBytes,
    compressionType: settings.compressionType,
    timestampType: settings.logMessageTimestampType,
    timestampBeforeMaxMs: settings.logMessageTimestampBeforeMaxMs,
    timestampAfterMaxMs: settings.logMessageTimestampAfterMaxMs,
    cleanupPolicy: settings.logCleanupPolicy.join(','),
    retentionMs: settings.logRetentionMs,
    retentionBytes: settings.logRetentionBytes,
    segmentBytes: settings.logSegmentBytes,
    segmentMs: settings.logRollMs,
    deleteRetentionMs: settings.logCleanerDeleteRetentionMs,
    minCompactionLagMs: settings.logCleanerMinCompactionLagMs,
    maxCompactionLagMs: settings.logCleanerMaxCompactionLagMs,
    minCleanableDirtyRatio: settings.logCleanerMinCleanableRatio,
    indexIntervalBytes: settings.logIndexIntervalBytes,
  };
}

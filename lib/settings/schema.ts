import * as v from 'valibot';
import { logSettings } from './log-settings.ts';
import { optionalSetting, setting } from './setting.ts';
import { autoOr, listOf, oneOf, text, wholeNumber, yesOrNo } from './value-types.ts';

const MIB = 1024 * 1024;

/** From 32 KiB on, an object is cheaper than an item for every access pattern. */
const INLINE_BYTES_MAX = 32 * 1024;

/** Kafka's INT32 limits. */
const INT_MAX = 2 ** 31 - 1;

const PORT_MAX = 65_535;

/**
 * A function answers within 25 s (lib/doors/lambda/limits.ts) and needs some of that for work in
 * progress.
 */
const FUNCTION_WAIT_MAX_MS = 19_000;

const HOUR_MS = 60 * 60 * 1000;

/** A connection takes about 20 KB of memory; ten thousand fit into a small container. */
const CONNECTIONS_DEFAULT = 10_000;

/** All settings. Types, `--help`, variables and flags derive from this. */
export const settingsSchema = v.object({
  listeners: setting(text(), 'PLAINTEXT://127.0.0.1:9092', {
    key: 'listeners',
    value: 'NAME://HOST:PORT,...',
    help: 'Where Kafka clients connect. Port 0 takes any free port; an empty host means every interface.',
  }),
  advertisedListeners: optionalSetting(text(), {
    key: 'advertised.listeners',
    value: 'NAME://HOST:PORT,...',
    help: 'The addresses that clients connect to, when they differ from the listeners.',
  }),
  listenerSecurityProtocolMap: setting(
    text(),
    'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    {
      key: 'listener.security.protocol.map',
      value: 'NAME:PROTOCOL,...',
      help: 'Which protocol a listener of that name speaks. PLAINTEXT is served.',
    },
  ),
  allowAnonymous: setting(yesOrNo(), 'false', {
    key: 'allow.anonymous',
    value: 'true|false',
    help: 'Serve listeners that other machines can reach, although there is no login.',
  }),
  nodeId: setting(wholeNumber(0, INT_MAX), '0', {
    key: 'node.id',
    aliases: ['broker.id'],
    value: 'NUMBER',
    help: 'The id that clients see this process under. In a fleet from 1 on, or left out: the lowest that is free.',
  }),
  brokerRack: optionalSetting(text(), {
    key: 'broker.rack',
    value: 'NAME',
    help: 'The rack or zone that clients see this process in.',
  }),
  fleet: setting(yesOrNo(), 'false', {
    key: 'tidelog.fleet',
    value: 'true|false',
    help: 'Be one of several gateways that divide the partitions among themselves. Otherwise clients see this process as leader of everything.',
  }),
  brokerSessionTimeoutMs: setting(wholeNumber(1000, HOUR_MS), '9000', {
    key: 'broker.session.timeout.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long a gateway of a fleet may be silent before others lead what it led.',
  }),
  brokerHeartbeatIntervalMs: setting(wholeNumber(100, HOUR_MS), '2000', {
    key: 'broker.heartbeat.interval.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How often a gateway of a fleet shows that it is there: one write and one read each.',
  }),
  clusterId: optionalSetting(v.pipe(text(), v.regex(/^[A-Za-z0-9_.-]{1,64}$/, 'up to 64 letters, digits, _, . or -')), {
    key: 'cluster.id',
    value: 'ID',
    help: 'The id of the cluster. The store makes one up and keeps it when this is left out.',
  }),
  store: setting(oneOf('embedded', 'memory', 'aws'), 'embedded', {
    key: 'tidelog.store',
    value: 'embedded|memory|aws',
    help: 'Where the log lives: in a folder, in this process (gone when it ends), or in DynamoDB and S3.',
  }),
  dataDir: setting(text(), './data', {
    key: 'tidelog.data.dir',
    aliases: ['log.dirs', 'log.dir'],
    value: 'FOLDER',
    help: 'The folder of the embedded store. Several processes on one machine may share it.',
  }),
  journalTable: optionalSetting(text(), {
    key: 'tidelog.journal.table',
    value: 'NAME',
    help: 'The DynamoDB table of the journals (store aws).',
  }),
  stateTable: optionalSetting(text(), {
    key: 'tidelog.state.table',
    value: 'NAME',
    help: 'The DynamoDB table of groups, topics and settings (store aws).',
  }),
  bucket: optionalSetting(text(), {
    key: 'tidelog.bucket',
    value: 'NAME',
    help: 'The S3 bucket of the segments (store aws).',
  }),
  numPartitions: setting(wholeNumber(1, 10_000), '1', {
    key: 'num.partitions',
    value: 'NUMBER',
    help: 'Partitions of a topic that is created without a number of its own.',
  }),
  defaultReplicationFactor: setting(wholeNumber(1, 32_767), '1', {
    key: 'default.replication.factor',
    value: 'NUMBER',
    help: 'The replication factor that topics report. The store does the replication.',
  }),
  autoCreateTopicsEnable: setting(yesOrNo(), 'true', {
    key: 'auto.create.topics.enable',
    value: 'true|false',
    help: 'Create a topic when a client asks for one that is not there.',
  }),
  deleteTopicEnable: setting(yesOrNo(), 'true', {
    key: 'delete.topic.enable',
    value: 'true|false',
    help: 'Let clients delete topics.',
  }),
  messageMaxBytes: setting(wholeNumber(0, INT_MAX), '1048588', {
    key: 'message.max.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'The largest record batch that is taken, after compression.',
  }),
  socketRequestMaxBytes: setting(wholeNumber(1024, INT_MAX), '104857600', {
    key: 'socket.request.max.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'The largest request that is taken; a larger one closes its connection.',
  }),
  connectionsMaxIdleMs: setting(wholeNumber(1000), '600000', {
    key: 'connections.max.idle.ms',
    unit: 'ms',
    value: 'MS',
    help: 'Connections without any traffic for so long are closed.',
  }),
  maxConnections: setting(wholeNumber(1, INT_MAX), String(CONNECTIONS_DEFAULT), {
    key: 'max.connections',
    value: 'NUMBER',
    help: 'Connections at the same time, all listeners together.',
  }),
  maxConnectionsPerIp: setting(wholeNumber(1, INT_MAX), String(INT_MAX), {
    key: 'max.connections.per.ip',
    value: 'NUMBER',
    help: 'Connections at the same time from one address.',
  }),
  queuedMaxRequestBytes: setting(wholeNumber(-1), String(64 * MIB), {
    key: 'queued.max.request.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'Memory for requests that have arrived and are not answered yet; -1 for no bound.',
  }),
  fetchMaxBytes: setting(wholeNumber(1024, INT_MAX), '57671680', {
    key: 'fetch.max.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'The most that one fetch answers with, whatever the client asks for.',
  }),
  compressionType: setting(oneOf('producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'), 'producer', {
    key: 'compression.type',
    value: 'TYPE',
    help: 'How record batches are kept; producer keeps them as they came.',
  }),
  produceValidation: setting(oneOf('full', 'header'), 'full', {
    key: 'tidelog.produce.validation',
    value: 'full|header',
    help: 'How far record batches are looked into before they are stored: full opens compressed ones too, header trusts what producers say of them.',
  }),
  ...logSettings,
  minInsyncReplicas: setting(wholeNumber(1, INT_MAX), '1', {
    key: 'min.insync.replicas',
    value: 'NUMBER',
    help: 'What topics report. Every acknowledged record is as durable as the store makes it.',
  }),
  groupMinSessionTimeoutMs: setting(wholeNumber(1, INT_MAX), '6000', {
    key: 'group.min.session.timeout.ms',
    unit: 'ms',
    value: 'MS',
    help: 'The shortest session that a member of a classic group may ask for.',
  }),
  groupMaxSessionTimeoutMs: setting(wholeNumber(1, INT_MAX), '1800000', {
    key: 'group.max.session.timeout.ms',
    unit: 'ms',
    value: 'MS',
    help: 'The longest session that a member of a classic group may ask for.',
  }),
  groupInitialRebalanceDelayMs: setting(wholeNumber(0, INT_MAX), '0', {
    key: 'group.initial.rebalance.delay.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long the first rebalance of an empty classic group waits for further members.',
  }),
  groupMaxSize: setting(wholeNumber(1, INT_MAX), String(INT_MAX), {
    key: 'group.max.size',
    value: 'NUMBER',
    help: 'Members of one classic group. An item of the store bounds it too, at some thousand members.',
  }),
  groupConsumerSessionTimeoutMs: setting(wholeNumber(1, INT_MAX), '45000', {
    key: 'group.consumer.session.timeout.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long a member of a consumer group (KIP-848) may be silent.',
  }),
  groupConsumerMinSessionTimeoutMs: setting(wholeNumber(1, INT_MAX), '45000', {
    key: 'group.consumer.min.session.timeout.ms',
    unit: 'ms',
    value: 'MS',
    help: 'The least that group.consumer.session.timeout.ms may be.',
  }),
  groupConsumerMaxSessionTimeoutMs: setting(wholeNumber(1, INT_MAX), '60000', {
    key: 'group.consumer.max.session.timeout.ms',
    unit: 'ms',
    value: 'MS',
    help: 'The most that group.consumer.session.timeout.ms may be.',
  }),
  groupConsumerHeartbeatIntervalMs: setting(wholeNumber(1, INT_MAX), '5000', {
    key: 'group.consumer.heartbeat.interval.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How often members of consumer groups (KIP-848) send a heartbeat.',
  }),
  groupConsumerMinHeartbeatIntervalMs: setting(wholeNumber(1, INT_MAX), '5000', {
    key: 'group.consumer.min.heartbeat.interval.ms',
    unit: 'ms',
    value: 'MS',
    help: 'The least that group.consumer.heartbeat.interval.ms may be.',
  }),
  groupConsumerMaxHeartbeatIntervalMs: setting(wholeNumber(1, INT_MAX), '15000', {
    key: 'group.consumer.max.heartbeat.interval.ms',
    unit: 'ms',
    value: 'MS',
    help: 'The most that group.consumer.heartbeat.interval.ms may be.',
  }),
  groupConsumerMaxSize: setting(wholeNumber(1, INT_MAX), String(INT_MAX), {
    key: 'group.consumer.max.size',
    value: 'NUMBER',
    help: 'Members of one consumer group (KIP-848). An item of the store bounds it too, at some thousand members.',
  }),
  groupConsumerAssignors: setting(listOf('uniform', 'range'), 'uniform,range', {
    key: 'group.consumer.assignors',
    value: 'uniform,range',
    help: 'How partitions of consumer groups (KIP-848) may be assigned. The first is used where members do not ask.',
  }),
  groupConsumerMigrationPolicy: setting(oneOf('bidirectional', 'upgrade', 'downgrade', 'disabled'), 'bidirectional', {
    key: 'group.consumer.migration.policy',
    value: 'bidirectional|upgrade|downgrade|disabled',
    help: 'Which way a group with members may change between the classic and the consumer protocol.',
  }),
  offsetsRetentionMinutes: setting(wholeNumber(1, INT_MAX), '10080', {
    key: 'offsets.retention.minutes',
    unit: 'minutes',
    value: 'MINUTES',
    help: 'How long the offsets of a group without members are kept.',
  }),
  offsetsTopicNumPartitions: setting(wholeNumber(1, 10_000), '50', {
    key: 'offsets.topic.num.partitions',
    value: 'NUMBER',
    help: 'How many partitions __consumer_offsets is shown with. It has no records: offsets are items of the store.',
  }),
  offsetMetadataMaxBytes: setting(wholeNumber(0, INT_MAX), '4096', {
    key: 'offset.metadata.max.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'How much metadata may come with a committed offset.',
  }),
  transactionMaxTimeoutMs: setting(wholeNumber(1, INT_MAX), '900000', {
    key: 'transaction.max.timeout.ms',
    unit: 'ms',
    value: 'MS',
    help: 'The longest transaction that a producer may ask for.',
  }),
  transactionVersion: setting(wholeNumber(1, 2), '2', {
    key: 'tidelog.transaction.version',
    value: '1|2',
    help: 'Keeps the feature transaction.version at this level. With 1, clients add partitions themselves. Without it, UpdateFeatures changes the level.',
  }),
  transactionalIdExpirationMs: setting(wholeNumber(1, INT_MAX), '604800000', {
    key: 'transactional.id.expiration.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long a transactional id without an open transaction is kept after its last use.',
  }),
  profile: setting(oneOf('default', 'latency', 'cost'), 'default', {
    key: 'tidelog.profile',
    value: 'default|latency|cost',
    help: 'What waiting and polling are tuned for.',
  }),
  lingerMs: optionalSetting(wholeNumber(0, 60_000), {
    key: 'tidelog.linger.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long appends are gathered before they are written. Follows store, rate and profile when left out.',
  }),
  inlineMaxBytes: setting(wholeNumber(0, INLINE_BYTES_MAX), '4096', {
    key: 'tidelog.inline.max.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'Flushes up to this size are written into the journal itself, larger ones as an object. For the store aws.',
  }),
  journals: setting(autoOr(1, 64), 'auto', {
    key: 'tidelog.journals',
    value: 'auto|NUMBER',
    help: 'On how many journals the partitions of a new topic are spread; auto takes one per 16 partitions, at most 16.',
  }),
  cacheBytes: setting(wholeNumber(0), String(64 * MIB), {
    key: 'tidelog.cache.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'Memory for record batches that were read or written lately, and as much again for sealed segments.',
  }),
  walFlushBytes: setting(wholeNumber(64 * 1024, 256 * MIB), String(4 * MIB), {
    key: 'tidelog.wal.flush.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'Appends are written at once when so much has gathered, whatever the linger time.',
  }),
  functionsAnonymous: setting(yesOrNo(), 'false', {
    key: 'tidelog.functions.anonymous',
    value: 'true|false',
    help: 'Let functions answer HTTP requests that no IAM identity has signed.',
  }),
  functionsWaitMaxMs: setting(wholeNumber(100, FUNCTION_WAIT_MAX_MS), String(FUNCTION_WAIT_MAX_MS), {
    key: 'tidelog.functions.wait.max.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long one call of a function waits for records or members before the gateway has to ask again.',
  }),
  restListeners: optionalSetting(text(), {
    key: 'rest.listeners',
    value: 'http://HOST:PORT|none',
    help: 'Where the REST interface is served; port 0 takes any free port. Without it, dev serves http://127.0.0.1:8082, other programs none.',
  }),
  restAllowOrigin: optionalSetting(text(), {
    key: 'access.control.allow.origin',
    value: 'ORIGIN,...',
    help: 'The origins whose pages may call the REST interface in a browser; * for all. None when this is left out.',
  }),
  consumerInstanceTimeoutMs: setting(wholeNumber(1000, INT_MAX), '300000', {
    key: 'consumer.instance.timeout.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long a consumer instance of the REST interface lives without a request.',
  }),
  metricsPort: optionalSetting(wholeNumber(0, PORT_MAX), {
    key: 'tidelog.metrics.port',
    value: 'PORT',
    help: 'Where /metrics and /healthz are served over HTTP, 0 for any free port. Not served when this is left out.',
  }),
  metricsHost: setting(text(), '127.0.0.1', {
    key: 'tidelog.metrics.host',
    value: 'HOST',
    help: 'The address of that port. Anyone who can reach it can read the metrics; there is no login.',
  }),
  logLevel: setting(oneOf('debug', 'info', 'warn', 'error'), 'info', {
    key: 'tidelog.log.level',
    value: 'debug|info|warn|error',
    help: 'The least important log lines to write.',
  }),
});

type ParsedSettings = v.InferOutput<typeof settingsSchema>;

/** The settings parsed one by one, before the checks that span several settings. */
export type RawSettings = Readonly<ParsedSettings>;

export type SettingField = keyof RawSettings;

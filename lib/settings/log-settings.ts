import { optionalSetting, setting } from './setting.ts';
import { listOf, oneOf, ratio, unlimitedOr, wholeNumber } from './value-types.ts';

const MIB = 1024 * 1024;

/** Kafka's INT32 limit. */
const INT_MAX = 2 ** 31 - 1;

/** The defaults of topic configs, under Kafka's names, and when journals are sealed. */
export const logSettings = {
  logMessageTimestampType: setting(oneOf('CreateTime', 'LogAppendTime'), 'CreateTime', {
    key: 'log.message.timestamp.type',
    value: 'CreateTime|LogAppendTime',
    help: "Whether records keep the producer's time or get that of the append.",
  }),
  logMessageTimestampBeforeMaxMs: setting(wholeNumber(0), '9223372036854775807', {
    key: 'log.message.timestamp.before.max.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How far before now the time of a record may lie.',
  }),
  logMessageTimestampAfterMaxMs: setting(wholeNumber(0), '3600000', {
    key: 'log.message.timestamp.after.max.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How far after now the time of a record may lie.',
  }),
  logRetentionMs: optionalSetting(unlimitedOr(), {
    key: 'log.retention.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long records are kept; -1 for ever. Goes before log.retention.minutes and log.retention.hours.',
  }),
  logRetentionMinutes: optionalSetting(unlimitedOr(INT_MAX), {
    key: 'log.retention.minutes',
    unit: 'minutes',
    value: 'MINUTES',
    help: 'How long records are kept. Goes before log.retention.hours.',
  }),
  logRetentionHours: setting(unlimitedOr(INT_MAX), '168', {
    key: 'log.retention.hours',
    unit: 'hours',
    value: 'HOURS',
    help: 'How long records are kept.',
  }),
  logRetentionBytes: setting(wholeNumber(-1), '-1', {
    key: 'log.retention.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'How much of a partition is kept; -1 for all.',
  }),
  logRetentionCheckIntervalMs: setting(wholeNumber(1), '300000', {
    key: 'log.retention.check.interval.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How often a process looks for history that is due: to be sealed, compacted or deleted.',
  }),
  logSegmentBytes: setting(wholeNumber(MIB, INT_MAX), '1073741824', {
    key: 'log.segment.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'The largest segment of a partition.',
  }),
  logRollMs: optionalSetting(wholeNumber(1), {
    key: 'log.roll.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How old the records of a segment get before it is sealed. Goes before log.roll.hours.',
  }),
  logRollHours: setting(wholeNumber(1, INT_MAX), '168', {
    key: 'log.roll.hours',
    unit: 'hours',
    value: 'HOURS',
    help: 'How old the records of a segment get before it is sealed.',
  }),
  logIndexIntervalBytes: setting(wholeNumber(0, INT_MAX), '4096', {
    key: 'log.index.interval.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: "A segment's index has an entry for each of so many bytes.",
  }),
  sealBytes: setting(wholeNumber(MIB, INT_MAX), String(64 * MIB), {
    key: 'tidelog.seal.bytes',
    unit: 'bytes',
    value: 'BYTES',
    help: 'A journal is sealed when so much is not in segments.',
  }),
  logCleanerDeleteRetentionMs: setting(wholeNumber(0), '86400000', {
    key: 'log.cleaner.delete.retention.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long the tombstone of a deleted key stays in a compacted topic.',
  }),
  logCleanerMinCompactionLagMs: setting(wholeNumber(0), '0', {
    key: 'log.cleaner.min.compaction.lag.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long a record stays uncompacted at least.',
  }),
  logCleanerMaxCompactionLagMs: setting(wholeNumber(1), '9223372036854775807', {
    key: 'log.cleaner.max.compaction.lag.ms',
    unit: 'ms',
    value: 'MS',
    help: 'How long a record stays uncompacted at most.',
  }),
  logCleanerMinCleanableRatio: setting(ratio(), '0.5', {
    key: 'log.cleaner.min.cleanable.ratio',
    value: 'RATIO',
    help: 'How much of a compacted partition has to be new before it is compacted again.',
  }),
  logCleanupPolicy: setting(listOf('delete', 'compact'), 'delete', {
    key: 'log.cleanup.policy',
    value: 'delete|compact|delete,compact',
    help: 'Whether old records are deleted, or the newest of each key is kept.',
  }),
};

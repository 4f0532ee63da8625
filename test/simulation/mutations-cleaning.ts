import { type Mutation, mutation } from './mutation.ts';

const CLEAN_BATCH = 'lib/segments/clean/clean-batch.ts';
const CLEANABLE = 'lib/segments/clean/cleanable.ts';
const RETENTION = 'lib/segments/decide-retention.ts';
const SEGMENT_WORK = 'lib/run/segment-work.ts';

/** What compaction and retention keep, and what they remove. */
export const CLEANING: readonly Mutation[] = [
  mutation(
    'compaction goes past the last stable offset',
    'compaction',
    'cleaning',
    ['cleanedWrongly', 'unstable', 'isolation'],
    'lib/segments/compact.ts',
    'const limit = Math.min(lastStableOffset(this.#view), entriesFrom(this.#view));',
    'const limit = entriesFrom(this.#view);',
  ),
  mutation(
    'compaction takes records that are too young for it',
    'compaction',
    'cleaning',
    ['cleanedWrongly'],
    CLEANABLE,
    'if (isTooYoung(segments[end]!, minCompactionLagMs, now)) break;',
    '',
  ),
  mutation(
    'compaction removes the newest record of a key',
    'compaction',
    'cleaning',
    ['cleanedWrongly'],
    CLEAN_BATCH,
    'if (cursor.offset < map.get(keyOf(cursor))) return false;',
    'if (cursor.offset <= map.get(keyOf(cursor))) return false;',
  ),
  mutation(
    'a record of an aborted transaction counts as the newest of its key',
    'compaction',
    'cleaning',
    ['cleanedWrongly'],
    'lib/segments/clean/map-batch.ts',
    'else if (!transactions.onBatch(header)) {',
    'else if ([transactions.onBatch(header)]) {',
  ),
  mutation(
    'tombstones go as soon as compaction meets them',
    'compaction',
    'cleaning',
    ['cleanedWrongly'],
    CLEAN_BATCH,
    'return cursor.valueLength >= 0 || !isPastHorizon(header, now);',
    'return cursor.valueLength >= 0;',
  ),
  mutation(
    'markers go as soon as nothing of their transaction is left',
    'compaction',
    'cleaning',
    ['cleanedWrongly', 'isolation'],
    CLEAN_BATCH,
    'const isDropped = control ? isUnused && isPastHorizon(header, pass.now) : isUnused;',
    'const isDropped = isUnused;',
  ),
  mutation(
    'a segment that was found counts without end',
    'R11',
    'cleaning',
    ['isolation'],
    'lib/segments/segment-cache.ts',
    'export const FOUND_FOR_MS = 60_000;',
    'export const FOUND_FOR_MS = Number.MAX_SAFE_INTEGER;',
  ),
  mutation(
    'a segment that was found counts for two hours',
    'R11',
    'cleaning',
    ['staleHistory'],
    'lib/segments/segment-cache.ts',
    'export const FOUND_FOR_MS = 60_000;',
    'export const FOUND_FOR_MS = 7_200_000;',
  ),
  {
    name: 'segments are replaced by what was made of older ones',
    rule: 'R12',
    scenario: 'cleaning',
    checks: ['cleanedWrongly', 'engineError', 'viewDiffers', 'exception'],
    edits: [
      {
        file: 'lib/segments/replace.ts',
        find: 'state?.replacedSeq === replacedSeq &&',
        replace: 'state !== undefined &&',
      },
      {
        file: 'lib/segments/replace.ts',
        find: "if (!(await areListed(env, journal, old))) return 'lost';",
        replace: 'void areListed;',
      },
    ],
  },
  mutation(
    'what is due for compaction is left alone',
    'compaction',
    'cleaning',
    ['notCleaned'],
    SEGMENT_WORK,
    'const compacted = config.compacted ?',
    'const compacted = config.compacted && config.deletes ?',
  ),
  mutation(
    'records expire by the time of their entry',
    'retention',
    'cleaning',
    ['endedEarly'],
    RETENTION,
    'const kept = segments.findIndex((segment) => now - newest(segment) <= retentionMs);',
    'const kept = segments.findIndex((segment) => now - segment.namedAt + 2_000 <= retentionMs);',
  ),
  mutation(
    'retention leaves less than retention.bytes',
    'retention',
    'cleaning',
    ['endedEarly'],
    RETENTION,
    'if (excess < 0 || excess - bytes < 0) break;',
    'if (excess < 0) break;',
  ),
  mutation(
    'records stay although they have expired',
    'retention',
    'cleaning',
    ['notCleaned'],
    RETENTION,
    'const more = bySize + endedByTime(rest.slice(bySize), limits.retentionMs, now);',
    'const more = bySize + Math.min(0, endedByTime(rest.slice(bySize), limits.retentionMs, now));',
  ),
  mutation(
    'a log start is written although the segments have changed',
    'R6',
    'cleaning',
    ['endedEarly', 'engineError', 'viewDiffers', 'exception', 'leftOver'],
    'lib/segments/retain.ts',
    'wanted.filter((look) => isUnchanged(view, look)).map(',
    'wanted.filter((look) => [isUnchanged(view, look)]).map(',
  ),
];

const IMPORT_TOPIC = 'lib/imports/import-topic.ts';
const IMPORT_JOURNAL = 'lib/imports/import-journal.ts';

/** What imports of log files keep. */
export const IMPORTS: readonly Mutation[] = [
  mutation(
    'an imported topic has its name before its files are stored',
    'import',
    'imports',
    ['importTorn'],
    IMPORT_TOPIC,
    "if (await storeJournals(env, claim, surveyed, request, progress.stored)) {\n    const named = await giveName(env, claim);\n    if (named.kind === 'rejected') return named;\n  }",
    "const named = await giveName(env, claim);\n  if (named.kind === 'rejected') return named;\n  await storeJournals(env, claim, surveyed, request, progress.stored);",
  ),
  mutation(
    'an import goes on with other files',
    'import',
    'imports',
    ['importTorn', 'engineError', 'badControl', 'altered', 'offsetGap'],
    IMPORT_TOPIC,
    'if (!(canGoOn && record.digest === identity)) {',
    'if (!canGoOn) {',
  ),
  mutation(
    'an import leaves transactions open',
    'import',
    'imports',
    ['importTorn'],
    IMPORT_JOURNAL,
    'const markers = follower.abortMarkers(item.nextOffset);',
    'const markers = follower.abortMarkers(item.nextOffset).slice(0, 0);',
  ),
  mutation(
    'the items of an import are not read back',
    'R15',
    'imports',
    ['versionBack', 'stuck', 'unexpectedError', 'engineError', 'skipped'],
    IMPORT_JOURNAL,
    'await repairLastSeal(this.#env.index, journal);',
    'void repairLastSeal;',
  ),
  mutation(
    'a fetch is answered from within an import',
    'R11',
    'imports',
    ['isolation'],
    'lib/log/read-partitions.ts',
    'if (isWithinImport(partition)) return false;',
    '',
  ),
];

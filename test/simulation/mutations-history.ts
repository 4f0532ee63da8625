import type { Edit } from './bundle.ts';
import { type Mutation, mutation } from './mutation.ts';
import { WITHOUT_ASSERTION as WITHOUT_ASSERTION_OF_WRITER } from './mutations-writing.ts';

const TRIM = 'lib/segments/trim.ts';
const SEAL = 'lib/segments/seal.ts';
const REPLACE = 'lib/segments/replace.ts';
const RETAIN = 'lib/segments/retain.ts';
const COLLECT_WAL = 'lib/segments/collect-wal.ts';
const REPAIR_ITEMS = 'lib/segments/repair-items.ts';
const APPLY_SEAL = 'lib/journal/apply-seal.ts';

/** The check of an entry before it is put and when it is read; this shows what stands before it. */
const WITHOUT_ASSERTION: Edit = {
  file: APPLY_SEAL,
  find: 'assertSealFits(view, entry);\n  const trimmableSeq',
  replace: 'const trimmableSeq',
};

/** What reads of history answer when something of it is missing. */
const UNREADABLE = ['unexpectedError', 'engineError', 'wronglyOutOfRange', 'skipped', 'readOther', 'stuck'] as const;

/** The rules of history: R3, R11, R12, R15, R16. */
export const HISTORY: readonly Mutation[] = [
  mutation(
    'entries go as soon as they may, without a grace',
    'R3',
    'history',
    ['slotReused', 'slotGap', ...UNREADABLE],
    TRIM,
    'record.marks.findLast(({ at }) => now - at > graceMs)?.upTo',
    'record.marks.at(-1)?.upTo',
  ),
  mutation(
    'entries go beyond the stored checkpoint',
    'R3',
    'history',
    [...UNREADABLE, 'exception', 'slotGap', 'viewDiffers', 'unknownTopic'],
    TRIM,
    'Math.min(wanted, await lastBeforeCheckpoint(open, wanted), ',
    'Math.min(wanted, ',
  ),
  {
    name: 'a span is sealed that others have sealed',
    rule: 'R12',
    scenario: 'history',
    checks: ['badControl', 'viewDiffers', ...UNREADABLE],
    edits: [
      WITHOUT_ASSERTION,
      WITHOUT_ASSERTION_OF_WRITER,
      {
        file: SEAL,
        find: 'if (view.closed || view.sealedSeq !== fromSeq - 1) return undefined;',
        replace: 'if (view.closed) return undefined;',
      },
    ],
  },
  mutation(
    'the items of a seal are not read back',
    'R15',
    'history',
    UNREADABLE,
    REPAIR_ITEMS,
    'if (lastSeal === undefined || (await index.readBack(journal.id, lastSeal))) return;',
    'if (lastSeal !== index) return;',
  ),
  mutation(
    'WAL objects go when their entries are sealed, though these are still read',
    'R16',
    'history',
    ['objectMissing', ...UNREADABLE],
    COLLECT_WAL,
    'if (settledTime(journal.view) > namedBy) return true;',
    'if (journal.view.sealedTime > objectTime) return true;',
  ),
  mutation(
    'WAL objects go before a late entry can name them',
    'R16',
    'history',
    ['objectMissing', ...UNREADABLE],
    COLLECT_WAL,
    'const namedBy = objectTime + NAME_WITHIN_MS + MARGIN_MS;',
    'const namedBy = objectTime - NAME_WITHIN_MS + MARGIN_MS;',
  ),
  mutation(
    'aborted transactions are looked for only where the records lie',
    'R11',
    'history',
    ['isolation'],
    'lib/segments/sealed-aborted.ts',
    'for (let next = from; next < to; ) {',
    'for (let next = from; next < Math.min(until, to); ) {',
  ),
  mutation(
    'aborted transactions are not looked for in segments',
    'R11',
    'history',
    ['isolation'],
    'lib/log/read-partitions.ts',
    'return aborted !== undefined && search instanceof SegmentSearch',
    'return aborted === null && search instanceof SegmentSearch',
  ),
  mutation(
    'segments go before the log start is written',
    'R16',
    'history',
    ['versionBack', ...UNREADABLE],
    RETAIN,
    'const end = view.partitions.get(number)?.segmentsFrom ?? 0;',
    'const end = view.partitions.get(number)?.sealedOffset ?? 0;',
  ),
  mutation(
    'the objects of removed segments are not put on the due list',
    'R16',
    'history',
    ['leftOver'],
    RETAIN,
    'beforeDelete: (segments) => putUnnamedDue(due, segments, env.stores.state.now()),',
    'beforeDelete: async (segments) => void [putUnnamedDue, due, segments, env],',
  ),
  mutation(
    'the objects of replaced segments are not put on the due list',
    'R16',
    'history',
    ['leftOver'],
    REPLACE,
    'await each({}, [...old], (key) => due.add(newObjectDue(key, now)));',
    'void [each, due, newObjectDue, now];',
  ),
  mutation(
    'an object is not put on the due list before it is stored',
    'R16',
    'history',
    ['leftOver'],
    'lib/segments/due-objects.ts',
    'const item = await due.add(newObjectDue(key, now));\n  const stored = await blobs.put(key, chunks, { signBefore: now + PUT_MARGIN_MS });',
    'const stored = await blobs.put(key, chunks, { signBefore: now + PUT_MARGIN_MS });\n  const item = await due.add(newObjectDue(key, now));',
  ),
  mutation(
    'a journal is not put on the due list before its first unsealed batch',
    'R16',
    'history',
    ['leftOver'],
    'lib/journal/writer/writer.ts',
    "const isFirstHot = 'batches' in entry && view.hotSince === -1;",
    "const isFirstHot = 'batches' in entry && view.hotSince === -2;",
  ),
];

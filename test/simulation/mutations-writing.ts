import type { Edit } from './bundle.ts';
import { type Mutation, mutation } from './mutation.ts';

const WRITER = 'lib/journal/writer/writer.ts';
const DECIDE_GROUP = 'lib/journal/writer/decide-group.ts';
const DECIDE_NEXT = 'lib/journal/writer/decide-next.ts';
const JOURNAL = 'lib/journal/journal.ts';
const PRODUCERS = 'lib/journal/producers.ts';
const PRODUCE = 'lib/log/append-batch.ts';
const CREATE_TOPIC = 'lib/topics/create-topic.ts';

/** The writer's own check of what it is about to write would notice first; this shows what stands behind it. */
export const WITHOUT_ASSERTION: Edit = {
  file: WRITER,
  find: "if (state.kind === 'putting') assertFollows(this.#journal.view, state.put.slot.seq, state.put.entry);",
  replace: 'void assertFollows;',
};

/** The rules of writing: R1 to R3, R7, R8. */
export const WRITING: readonly Mutation[] = [
  mutation(
    'a topic is named before its journals are there',
    'R1',
    'lifecycle',
    ['unknownTopic', 'exception', 'deleteLost'],
    CREATE_TOPIC,
    'await Promise.all(journalsOf(record)',
    'void Promise.all(journalsOf(record)',
  ),
  mutation(
    'journals begin with another epoch',
    'R1',
    'mixed',
    ['slotZero'],
    'lib/journal/create.ts',
    'leaderEpoch: 0',
    'leaderEpoch: 1',
  ),
  mutation(
    'an append without an answer counts as refused',
    'R2',
    'unknowns',
    ['duplicate', 'slotReused', 'ackLost', 'order', 'wronglyRefused', 'objectMissing'],
    DECIDE_NEXT,
    "case 'unknown':\n      return { kind: 'unsure' };",
    "case 'unknown':\n      return { kind: 'refused', how: 'later', message: '' };",
  ),
  mutation(
    "one's own entry in the slot is taken for that of others",
    'R2',
    'unknowns',
    ['duplicate', 'engineError', 'wronglyRefused', 'ackLost'],
    DECIDE_NEXT,
    'outcome.existing?.nonce === nonce',
    'false',
  ),
  mutation(
    "one's own entry met while reading on is taken for that of others",
    'R2',
    'unknowns',
    ['duplicate', 'engineError', 'wronglyRefused', 'ackLost'],
    JOURNAL,
    "this.#pending.seen = isMine ? 'mine' : 'taken'",
    "this.#pending.seen = 'taken'",
  ),
  mutation(
    "one's own item is taken for that of others",
    'R2',
    'lifecycle',
    ['ownWriteDenied', 'createdTwice', 'deleteLost'],
    'lib/storage/put-item.ts',
    'outcome.existing?.nonce === item.nonce',
    'false',
  ),
  mutation(
    'an append is given up while it can still land',
    'R2',
    'outages',
    ['duplicate', 'wronglyRefused', 'slotReused', 'order', 'ackLost'],
    DECIDE_NEXT,
    'signedUntil + MAX_SIGNATURE_AGE_MS + LANDING_MARGIN_MS',
    'Number.NEGATIVE_INFINITY',
  ),
  mutation(
    'an append that may not be signed again is never given up',
    'R2',
    'outages',
    ['stuck'],
    DECIDE_NEXT,
    'confirmedAt > signedUntil',
    'confirmedAt > Number.POSITIVE_INFINITY + signedUntil',
  ),
  mutation(
    'a view may be of any age',
    'R3',
    'oldViews',
    ['slotReused'],
    DECIDE_NEXT,
    'VIEW_AGE_MAX_MS = 60 * 60 * 1000',
    'VIEW_AGE_MAX_MS = 10_000 * 24 * 60 * 60 * 1000',
  ),
  mutation(
    'eventually consistent reads confirm the view',
    'R3',
    'oldViews',
    ['slotReused', 'wronglyRefused'],
    JOURNAL,
    'if (strong) this.confirm(page.storeTime);',
    'this.confirm(page.storeTime);',
  ),
  mutation(
    'a batch is refused by a view that was not confirmed',
    'a refusal needs a confirmed view',
    'contention',
    ['wronglyRefused'],
    DECIDE_GROUP,
    'refusals > 0 && !facts.isConfirmed',
    '(false as boolean)',
  ),
  mutation(
    'a timestamp is refused by a time that may be old',
    "a refusal needs the store's time",
    'freezes',
    ['wronglyRefused', 'unexpectedError'],
    PRODUCE,
    "checked.reason !== 'INVALID_TIMESTAMP'",
    'true as boolean',
  ),
  mutation(
    'a duplicate is answered before the entry of its original is written',
    'R7',
    'contention',
    ['ackLost'],
    WRITER,
    'const { answers } = decided;',
    "const { answers } = decided;\n    for (const [index, answer] of answers.entries()) if (answer.kind === 'duplicate' && !requests[index]!.isAnswered) requests[index]!.answer(answer);",
  ),
  {
    name: 'what was decided is written although the slot was lost',
    rule: 'R7',
    scenario: 'contention',
    checks: ['offsetTwice', 'timeBack'],
    edits: [
      {
        file: WRITER,
        find: 'const decided = this.#decide(view, requests, {',
        replace: `const self = work as unknown as { kept?: ReturnType<typeof decideGroup> };
    const decided = self.kept ?? this.#decide(view, requests, {`,
      },
      {
        file: WRITER,
        find: "if (decided.kind === 'confirm') return { kind: 'reading', attempt };",
        replace: `if (decided.kind === 'append') self.kept ??= decided;
    if (decided.kind === 'confirm') return { kind: 'reading', attempt };`,
      },
      WITHOUT_ASSERTION,
    ],
  },
  mutation(
    'a control entry is written as it was made although the slot was lost',
    'R7',
    'markers',
    ['offsetTwice', 'badControl', 'timeBack', 'engineError', 'exception', 'stuck', 'torn'],
    WRITER,
    'const entry = work.make(view, time);',
    'const entry = ((work.make as unknown as { kept?: Entry | undefined }).kept ??= work.make(view, time));',
  ),
  mutation(
    'a leader change is written once more',
    'R7',
    'markers',
    ['badControl', 'engineError'],
    WRITER,
    'const entry = work.make(view, time);',
    `const fresh = work.make(view, time);
      const self = work.make as unknown as { kept?: Entry };
      if (fresh?.kind === 'leaderChange') self.kept ??= fresh;
      const entry: Entry | undefined = self.kept === undefined ? fresh : { ...self.kept, time };`,
  ),
  mutation(
    'a control entry counts as written although the slot was lost',
    'R7',
    'markers',
    ['torn'],
    WRITER,
    'return this.#afterLostRace(attempt, put, verdict.item);',
    `const lost = this.#afterLostRace(attempt, put, verdict.item);
        if (work.kind === 'group') return lost;
        put.answer();
        return { kind: 'answered' };`,
  ),
  mutation(
    'entries have the time that the writer believes in',
    'R8',
    'mixed',
    ['timeBack'],
    WRITER,
    'return Math.max(this.#journal.view.time, Math.floor(this.#now()));',
    'return Math.floor(this.#now());',
  ),
  mutation(
    "entries have the time of the writer's own clock",
    'R8',
    'mixed',
    ['timeAhead', 'timeBack'],
    WRITER,
    'return Math.max(this.#journal.view.time, Math.floor(this.#now()));',
    'return Math.max(this.#journal.view.time, Math.floor(this.#journal.env.clock.now()));',
  ),
  {
    name: 'a slot is left free',
    rule: 'slots are dense',
    scenario: 'mixed',
    checks: ['slotGap'],
    edits: [
      { file: WRITER, find: 'const seq = view.seq + 1;', replace: 'const seq = view.seq + 2;' },
      WITHOUT_ASSERTION,
    ],
  },
  mutation(
    'an entry is folded in before it is written',
    'commit before answer',
    'mixed',
    ['readOther', 'ackLost', 'readAhead', 'staleList', 'engineError', 'stuck'],
    WRITER,
    'journal.expect(slot);',
    'journal.expect(slot);\n    if (journal.view.seq < slot.seq) journal.advanceWith(item);',
  ),
  mutation(
    'the end that a group draws up is off by one',
    'offsets are dense',
    'contention',
    ['offsetGap', 'engineError'],
    'lib/journal/draft.ts',
    'partition.nextOffset = batch.baseOffset + batch.lastOffsetDelta + 1;',
    'partition.nextOffset = batch.baseOffset + batch.lastOffsetDelta + 2;',
  ),
  mutation(
    'a closed journal is appended to',
    'deletion',
    'lifecycle',
    ['afterClose', 'engineError'],
    'lib/journal/decide-append.ts',
    'if (draft.view.closed) {',
    'if (false as boolean) {',
  ),
];

/** What is known of producers, and what their batches say. */
export const BATCHES: readonly Mutation[] = [
  mutation(
    'sequences are not looked at',
    'idempotence',
    'mixed',
    ['order', 'duplicate'],
    PRODUCERS,
    'if (batch.baseSequence !== expected) {',
    'if (false as boolean) {',
  ),
  mutation(
    'duplicates are not recognised',
    'idempotence',
    'mixed',
    ['wronglyRefused'],
    PRODUCERS,
    'if (original !== undefined)',
    'if (false as boolean)',
  ),
  mutation(
    "a new producer's later batches get in before its first",
    'idempotence',
    'firstBatches',
    ['order'],
    'lib/journal/decide-append.ts',
    'state === undefined && isBehindFailure',
    'false',
  ),
  mutation(
    'old epochs are let in',
    'fencing',
    'markers',
    ['zombie', 'order', 'duplicate'],
    PRODUCERS,
    'if (batch.producerEpoch < state.epoch) {',
    'if (false as boolean) {',
  ),
  mutation(
    'producer ids are used although they were not taken',
    'idempotence',
    'firstBatches',
    ['wronglyRefused', 'ackLost', 'duplicate', 'altered', 'order'],
    'lib/transactions/producer-ids.ts',
    'encodeNextProducerId(first + PRODUCER_ID_BLOCK)',
    'encodeNextProducerId(first)',
  ),
  mutation(
    'batches get a time under their checksum',
    'batches are kept as they came',
    'mixed',
    ['phantom'],
    PRODUCE,
    'appendTime >= 0 ? withLogAppendTime(checked.batch, appendTime) : checked.batch',
    'withLogAppendTime(checked.batch, 1)',
  ),
  mutation(
    'batches are described with epoch 0',
    'batches are kept as they came',
    'markers',
    ['altered', 'wronglyRefused', 'ackLost'],
    PRODUCE,
    'producerEpoch: header.producerEpoch,',
    'producerEpoch: Math.min(header.producerEpoch, 0),',
  ),
  mutation(
    'whoever cannot wait longer is told something final',
    'errors',
    'unknowns',
    ['unexpectedError'],
    'lib/journal/writer/work.ts',
    "error: 'REQUEST_TIMED_OUT'",
    "error: 'INVALID_RECORD'",
  ),
];

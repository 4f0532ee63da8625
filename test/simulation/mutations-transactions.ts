import type { Edit } from './bundle.ts';
import type { Check } from './checks.ts';
import { type Mutation, mutation } from './mutation.ts';

const ADD = 'lib/transactions/decide-add.ts';
const COORDINATOR = 'lib/transactions/coordinator.ts';
const END = 'lib/transactions/decide-end.ts';
const FINISH = 'lib/transactions/finish.ts';
const INIT = 'lib/transactions/decide-init.ts';
const ITEMS = 'lib/transactions/transaction-items.ts';
const JOINING = 'lib/transactions/joining.ts';
const MARKERS = 'lib/transactions/write-markers.ts';
const PENDING = 'lib/offsets/pending.ts';

function transactional(
  rule: string,
  name: string,
  checks: readonly Check[],
  file: string,
  find: string,
  replace: string,
): Mutation {
  return mutation(name, rule, 'transactions', checks, file, find, replace);
}

/** What is read of the coordinator, and when: R6, R14. */
export const TRANSACTION_FACTS: readonly Mutation[] = [
  transactional(
    'R14',
    'a first batch is appended without a look at its transaction',
    ['unfounded', 'fenced', 'stuck'],
    'lib/journal/decide-append.ts',
    'if (batch.transactional && !batch.transactionVerified && !continues(state, batch)) {',
    'if (batch.transactional && !batch.transactionVerified && (false as boolean)) {',
  ),
  transactional(
    'R14',
    'a first batch of version 1 is not verified',
    ['unfounded', 'fenced', 'stuck', 'adopted'],
    JOINING,
    'return request.protocol === 2 ? this.#add(request) : this.#verify(request);',
    'return request.protocol === 2 ? this.#add(request) : Promise.resolve(undefined);',
  ),
  transactional(
    'R14',
    'a first batch of version 2 does not add its partition',
    ['unfounded', 'fenced', 'stuck'],
    JOINING,
    'return request.protocol === 2 ? this.#add(request) : this.#verify(request);',
    'return request.protocol === 2 ? Promise.resolve(undefined) : this.#verify(request);',
  ),
  transactional(
    'R14',
    'partitions count as listed in the transaction',
    ['unfounded', 'torn', 'stuck'],
    ADD,
    'for (const partition of wanted) if (listed?.has(partition) !== true) return false;',
    'void listed;',
  ),
  transactional(
    'R14',
    'groups count as listed in the transaction',
    ['torn', 'stuck'],
    ADD,
    'return groups.every((group) => state.groups.has(group));',
    'return true;',
  ),
  transactional(
    'R6',
    'coordinator items are read eventually consistent',
    ['unfounded', 'fenced', 'wronglyRefused', 'adopted', 'torn'],
    ITEMS,
    'this.#env.state.get(transactionPk(transactionalId), TRANSACTION_SK, true);',
    'this.#env.state.get(transactionPk(transactionalId), TRANSACTION_SK, false);',
  ),
];

function straggling(rule: string, name: string, checks: readonly Check[], edits: readonly Edit[]): Mutation {
  return { rule, name, scenario: 'stragglers', checks, edits };
}

const WRITER = 'lib/journal/writer/writer.ts';

/** The facts of a group's batches, or of a control entry, are those of the first attempt. */
function believing(name: string, kind: 'group' | 'entry'): Mutation {
  return straggling(
    'R6',
    name,
    ['unfounded', 'torn', 'fenced'],
    [
      {
        file: WRITER,
        find: 'this.#enter(this.#begin(work, number + 1, losses));',
        replace: `const again = this.#begin(work, number + 1, losses);
            const { facts } = state.attempt;
            this.#enter('attempt' in again ? { ...again, attempt: { ...again.attempt, facts } } : again);`,
      },
      {
        file: WRITER,
        find: 'const facts = attempt.facts?.seq === view.seq ? attempt.facts : undefined;',
        replace: `const facts = attempt.facts?.seq === view.seq || work.kind === '${kind}' ? attempt.facts : undefined;`,
      },
    ],
  );
}

/** What comes when its transaction is over, while the next one of the same producer is open: R6, R14. */
export const STRAGGLERS: readonly Mutation[] = [
  straggling(
    'R6',
    'markers are written without a look at the coordinator item',
    ['unfounded', 'torn'],
    [
      {
        file: MARKERS,
        find: 'isOver = isPrepared !== undefined && !(await isPrepared());',
        replace: 'void isPrepared;',
      },
    ],
  ),
  believing('what the coordinator said of a batch is believed after a conflict', 'group'),
  believing('what the coordinator said of a marker is believed after a conflict', 'entry'),
  straggling(
    'R14',
    'the number of a transaction does not count for pending offsets',
    ['unfounded', 'torn'],
    [
      {
        file: PENDING,
        find: 'return one.transactionalId === other.transactionalId && one.transaction === other.transaction;',
        replace: 'return one.transactionalId === other.transactionalId;',
      },
    ],
  ),
  straggling(
    'time-outs',
    'readers do not look at what holds them up',
    ['heldBack'],
    [{ file: 'lib/log/held-readers.ts', find: 'held.look = this.#look(held, open);', replace: 'void open;' }],
  ),
];

/** Offsets that members commit by transactions: R6, R13. */
export const MEMBER_TRANSACTIONS: readonly Mutation[] = [
  mutation(
    'who asks for stable offsets leaves no stamp on them',
    'R13',
    'memberTransactions',
    ['staleCommit', 'offsetOther', 'offsetLost'],
    'lib/offsets/decide.ts',
    'const block = fetch.mayConsume ? raise(expired, fetch.topic, partitions, facts) : expired;',
    'const block = fetch.mayConsume && !fetch.requireStable ? raise(expired, fetch.topic, partitions, facts) : expired;',
  ),
  mutation(
    'a pending offset is written over what others wrote meanwhile',
    'R6',
    'memberTransactions',
    ['staleCommit', 'offsetLost', 'offsetOther'],
    'lib/offsets/commit.ts',
    "part.stored = outcome.stored;\n        part.confirmed = true;\n        return 'again';",
    "if (commit.producer !== undefined) return blocks.apply(part.key, outcome.stored, decision.change, now).then(() => 'done' as const);\n        part.stored = outcome.stored;\n        part.confirmed = true;\n        return 'again';",
  ),
];

/** The states of the coordinator, and what an end does. */
export const TRANSACTIONS: readonly Mutation[] = [
  transactional(
    'fencing',
    'additions of an old epoch are taken',
    ['unfounded', 'fenced', 'adopted'],
    ADD,
    'if (state.producerEpoch !== producerEpoch) {',
    'if (false as boolean) {',
  ),
  transactional(
    'fencing',
    'an end of an old epoch is taken',
    ['endLost', 'adopted', 'unfounded', 'torn'],
    END,
    'if (!hasValidEpoch(state, request, retry))',
    'if ((false as boolean) && !hasValidEpoch(state, request, retry))',
  ),
  transactional(
    'fencing',
    'InitProducerId leaves the open transaction as it is',
    ['badTransition'],
    INIT,
    "if (state.status === 'Ongoing') return fence(state, newProducerId, now);",
    '',
  ),
  transactional(
    'fencing',
    'InitProducerId does not bump the epoch',
    ['adopted', 'ackLost', 'unfounded', 'wronglyRefused', 'endLost'],
    INIT,
    "return { kind: 'put', state: { ...empty, producerEpoch: state.producerEpoch + 1, lastProducerEpoch } };",
    "return { kind: 'put', state: { ...empty, lastProducerEpoch } };",
  ),
  transactional(
    'fencing',
    'InitProducerId does not bump the epoch a second time after a fence',
    ['adopted', 'endLost', 'wronglyRefused'],
    COORDINATOR,
    'decideInit(state, { ...request, timeoutMaxMs, newProducerId }, now),\n    );',
    'decideInit(state, { ...request, timeoutMaxMs, newProducerId }, now),\n      () => true,\n    );',
  ),
  transactional(
    'fencing',
    'the end of a transaction of version 2 does not bump the epoch',
    ['unfounded', 'badControl', 'adopted', 'order', 'stuck', 'torn', 'badTransition'],
    END,
    'producerEpoch: isBumped ? state.producerEpoch + 1 : state.producerEpoch,',
    'producerEpoch: state.producerEpoch,',
  ),
  transactional(
    'states',
    'InitProducerId passes over a prepared transaction',
    ['badTransition'],
    INIT,
    "if (isPrepared(state)) return { kind: 'finish' };",
    '',
  ),
  transactional(
    'states',
    'additions pass over a prepared transaction',
    ['badTransition'],
    ADD,
    "if (isPrepared(state)) return { kind: 'finish' };\n  const isOpen",
    'const isOpen',
  ),
  transactional(
    'states',
    'the next transaction has the number of the one before',
    ['badTransition'],
    ADD,
    'transaction: isOpen ? state.transaction : state.transaction + 1,',
    'transaction: state.transaction,',
  ),
  transactional(
    'states',
    'a finisher completes whatever transaction is prepared',
    ['torn', 'badTransition', 'unfounded'],
    FINISH,
    'current !== undefined && isSame(current, state)',
    'current !== undefined && (isPrepared(current) || isSame(current, state))',
  ),
  transactional(
    'commit before answer',
    'EndTxn is answered before the markers are written',
    ['torn', 'endLost'],
    COORDINATOR,
    'const finished = await this.#finish(step.stored, limits);',
    "void this.#finish(step.stored, limits);\n          const finished = 'complete' as FinishOutcome;",
  ),
  transactional(
    'atomicity',
    'a transaction is over without the markers of one journal',
    ['torn'],
    FINISH,
    'const outcomes = await each({}, [...targets], ([journal, partitions]) =>',
    'const outcomes = await each({}, [...targets].slice(1), ([journal, partitions]) =>',
  ),
  transactional(
    'atomicity',
    'a partition without data gets no marker',
    ['torn', 'fenced'],
    MARKERS,
    'if (state === undefined || state.epoch < producerEpoch) return true;',
    'if (state === undefined) return false;\n  if (state.epoch < producerEpoch) return true;',
  ),
  transactional(
    'atomicity',
    'a transaction is over before the offsets of its groups',
    ['torn'],
    FINISH,
    'await each({}, [...state.groups], (groupId) =>',
    'await each({}, [] as string[], (groupId) =>',
  ),
  transactional(
    'atomicity',
    'an abort applies the offsets of its groups',
    ['unfounded'],
    PENDING,
    'if (commit && one.offset !== undefined) {',
    'if (one.offset !== undefined) {',
  ),
  transactional(
    'adoption',
    'an open transaction counts as over for those who find its offsets',
    ['torn'],
    COORDINATOR,
    "return state !== undefined && isOpen(state, transaction) ? 'open' : 'over';",
    "return 'over';",
  ),
  transactional(
    'KIP-447',
    'offsets are told as stable whatever is pending',
    ['offsetUnstable'],
    'lib/offsets/decide.ts',
    'if (requireStable && block.pending.some((pending) => pending.partition === partition)) {',
    'if (requireStable && (false as boolean)) {',
  ),
  transactional(
    'time-outs',
    'transactions never time out',
    ['heldBack', 'stuck'],
    END,
    "return status === 'Ongoing' && startedAt + timeoutMs < now;",
    'return (false as boolean) && startedAt + timeoutMs < now;',
  ),
  transactional(
    'time-outs',
    'transactions time out at once',
    ['abortedEarly', 'wronglyRefused', 'stuck'],
    END,
    "return status === 'Ongoing' && startedAt + timeoutMs < now;",
    "return status === 'Ongoing' && startedAt + timeoutMs / 10 < now;",
  ),
  transactional(
    'time-outs',
    'whoever is held up by an open transaction aborts it',
    ['abortedEarly'],
    END,
    "if (!hasTimedOut(state, now)) return { kind: 'done', state };",
    "if (state.status !== 'Ongoing') return { kind: 'done', state };",
  ),
  transactional(
    'R8',
    "transactions time out by the process's own clock",
    ['abortedEarly', 'wronglyRefused'],
    ITEMS,
    'return Math.floor(this.#env.state.now());',
    'return Math.floor(this.#env.clock.now());',
  ),
];

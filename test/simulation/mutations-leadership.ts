import { type Mutation, mutation } from './mutation.ts';

const FLEET = 'lib/cluster/fleet.ts';
const LIST = 'lib/cluster/node-list.ts';
const EPOCH = 'lib/log/leader-epoch.ts';

const TAKES_OVER = 'const taken = await takeOver(';

/** Leader epochs: R10, and who may lead. */
export const LEADING: readonly Mutation[] = [
  mutation(
    'a leader item is written before the entry that it stands for',
    'R10',
    'leadership',
    ['leaderUnfounded', 'epochTold'],
    FLEET,
    TAKES_OVER,
    `await this.#options.items.put({ journal: id, leaderEpoch: open.journal.view.leaderEpoch + 1, leader: nodeId });
    ${TAKES_OVER}`,
  ),
  mutation(
    'a journal is taken over without a leader item',
    'R10',
    'leadership',
    ['fencedOff', 'leaderless', 'stuck'],
    FLEET,
    'await this.#options.items.put(',
    'void (',
  ),
  mutation(
    'a journal is led without a new epoch',
    'R10',
    'leadership',
    ['foreignEpoch'],
    FLEET,
    'return this.#takeOver(open, generation);',
    "return { kind: 'leads', epoch: view.leaderEpoch };",
  ),
  mutation(
    'a process leads on what another one of its node id took over',
    'R10',
    'leadership',
    ['foreignEpoch'],
    FLEET,
    'const led = this.#led.get(id);\n    if (led !== undefined',
    "if (view.leader === this.nodeId && view.seq > 0) return { kind: 'leads', epoch: view.leaderEpoch };\n    const led = this.#led.get(id);\n    if (led !== undefined",
  ),
  mutation(
    'a leader appends under the epoch of the one that took over from it',
    'R10',
    'leadership',
    ['foreignEpoch'],
    'lib/journal/decide-append.ts',
    'batch.leaderEpoch !== undefined && batch.leaderEpoch !== draft.view.leaderEpoch',
    'false',
  ),
  mutation(
    'a takeover is written over another that came first',
    'R7',
    'leadership',
    ['badControl', 'engineError'],
    'lib/cluster/take-over.ts',
    'view.closed || view.leaderEpoch !== known || !isMine()',
    'view.closed || !isMine()',
  ),
  mutation(
    'nodes that are gone lead on',
    'liveness of nodes',
    'leadership',
    ['leaderless', 'stuck'],
    LIST,
    'filter((node) => isLive(node, now))',
    'filter(() => true)',
  ),
  mutation(
    "a node is live by the process's own clock",
    'R8',
    'leadership',
    ['leaderless', 'stuck'],
    LIST,
    'const now = this.#env.state.now();',
    'const now = this.#env.clock.now();',
  ),
  mutation(
    'a node id is taken from a process that is there',
    'node ids',
    'leadership',
    ['nodeIdTaken'],
    'lib/cluster/registration.ts',
    'there !== undefined && isTaken(there.node, at) && !this.#isOwn(there.node)',
    'false',
  ),
  mutation(
    'who led goes on as before when nodes came and went',
    'leader epochs',
    'leadership',
    ['epochServed', 'epochTold', 'leaderless'],
    FLEET,
    'if (led.generation !== this.#options.list.generation) return undefined;',
    '',
  ),
  mutation(
    'Metadata tells the epoch that comes next',
    'leader epochs',
    'leadership',
    ['epochTold'],
    'lib/cluster/epochs.ts',
    'read.get(journal) ?? 0)',
    '(read.get(journal) ?? 0) + 1)',
  ),
  mutation(
    'the epoch that was told last is told again',
    'leader epochs',
    'leadership',
    ['fencedOff', 'leaderless', 'stuck'],
    'lib/cluster/leader-items.ts',
    'return this.#reads.read(topicId, async () => {',
    `const told = this.#told.get(topicId);
    if (told !== undefined && this.#env.random.next() < 0.95) return Promise.resolve(told);
    return this.#reads.read(topicId, async () => {`,
  ),
  mutation(
    'readers with an old epoch are let in',
    'leader epochs',
    'leadership',
    ['epochServed'],
    EPOCH,
    "known < view.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'",
    "known < view.leaderEpoch ? undefined : 'UNKNOWN_LEADER_EPOCH'",
  ),
  mutation(
    'readers with an epoch to come are let in',
    'leader epochs',
    'leadership',
    ['epochServed'],
    EPOCH,
    "known < view.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'",
    "known < view.leaderEpoch ? 'FENCED_LEADER_EPOCH' : undefined",
  ),
  mutation(
    'an epoch ends where the log does',
    'leader epochs',
    'leadership',
    ['epochEnd'],
    'lib/journal/view.ts',
    'Math.max(partition.epochs[after]!.startOffset, partition.logStartOffset)',
    'partition.nextOffset',
  ),
];

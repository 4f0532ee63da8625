import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TransactionalProducer } from '../../../lib/core/transactional-producer.ts';
import type { Commit } from '../../../lib/offsets/commit.ts';
import type { FetchOutcome } from '../../../lib/offsets/fetch.ts';
import { offsetsPk } from '../../../lib/storage/items/committed-offsets.ts';
import { decodeTransaction, TRANSACTION_SK } from '../../../lib/storage/items/transaction.ts';
import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { runs } from '../../support/runs.ts';
import {
  commitOf,
  context,
  fetchOf,
  GROUP,
  member,
  type OffsetsProcess,
  offsetsWorld,
  stageOf,
  T0,
  type TestGroup,
  TOPIC,
} from '../../unit/offsets/world.ts';

/** Everybody commits these. The first is of a block that every transaction changes, the second is not. */
const SHARED = [0, 33];
/** Only one producer commits each of these pairs, in two blocks, and the same offset to both. */
const PAIRS = [
  [2, 18],
  [3, 19],
] as const;
const PROCESSES = 3;
/** Short enough to pass while others still write; ms. */
const TRANSACTION_TIMEOUT_MS = 150;
const ATTEMPTS_MAX = 6;

/** Commits are numbered: the generation in thousands, then a count. No two have the same offset. */
const PER_GENERATION = 1_000;
const generationOf = (offset: number) => Math.floor(offset / PER_GENERATION);

const process = fc.nat(PROCESSES - 1);
const partition = fc.constantFrom(...SHARED);
const producer = fc.nat(PAIRS.length - 1);
const behind = fc.constantFrom(0, 0, 0, 0, 0, 1, 2);
const mostly = fc.constantFrom(true, true, true, false);
const kind = <K extends string>(name: K) => fc.constant(name);

const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: kind('commit'), process, behind, partition }) },
  { weight: 6, arbitrary: fc.record({ kind: kind('stage'), process, producer, behind, partition }) },
  // A request of the producer that it has given up, or of one that was fenced.
  { weight: 3, arbitrary: fc.record({ kind: kind('stray'), process, producer, behind, partition, olds: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('end'), process, producer, commit: mostly }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('init'), process, producer }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('fetch'), process, partition, pair: producer }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('rebalance'), partition }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('kill'), process, afterCalls: fc.nat(6) }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('wait'), calls: fc.nat(40) }) },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** What a member was told of a partition's stable offset, and what the item had by then. */
interface Shown {
  readonly partition: number;
  readonly generation: number;
  readonly offset: number;
  readonly writes: number;
}

/** A producer as a client: it sends one request after the other, and aborts after an error. */
interface Client {
  readonly id: string;
  readonly pair: readonly [number, number];
  now: TransactionalProducer;
  /** Whom it was before the latest change of its epoch. */
  before: TransactionalProducer;
  /** The latest offset that its open transaction was told to commit; undefined if none. */
  staged: number | undefined;
  isBroken: boolean;
  committed: number;
  turn: Promise<unknown>;
}

async function play(actions: readonly Action[], seed: number, protocol: 1 | 2, classic: boolean) {
  const world = offsetsWorld(seed);
  let chance = seed;
  const draw = (below: number) => {
    chance = (Math.imul(chance, 1_103_515_245) + 12_345) >>> 0;
    return (chance >>> 8) % below;
  };
  const fault = (): Fault | undefined => {
    const fate = draw(100);
    if (fate < 4) return { loseAnswer: true };
    return fate < 8 ? { landAfterMs: draw(150) } : undefined;
  };
  /** Calls and answers that are on their way. Any of them may be the next that arrives. */
  const onTheWay: (() => void)[] = [];
  const arrive = async () => {
    const [next] = onTheWay.splice(draw(onTheWay.length), 1);
    next?.();
    await world.clock.advance(next === undefined ? 5 : draw(3));
    watch();
  };
  /** The transactions to which each offset belongs, and how each was ended. */
  const joined = new Map<number, Set<string>>();
  const outcomes = new Map<string, boolean>();
  const processes: OffsetsProcess[] = [];
  const callsLeft: number[] = [];
  const start = (index: number) => {
    const made = world.process();
    callsLeft[index] = Number.POSITIVE_INFINITY;
    made.faults = (call: StoreCall) => {
      if (processes[index] !== made || callsLeft[index]!-- <= 0) return { refuse: 'unavailable' };
      return call.operation === 'put' ? fault() : undefined;
    };
    made.gate = () => new Promise((resolve) => onTheWay.push(resolve));
    made.onJoined = (request, transaction) => {
      const { offset } = request as unknown as { offset: number };
      joined.set(offset, (joined.get(offset) ?? new Set()).add(`${request.transactionalId}/${transaction}`));
    };
    made.onEnd = ({ transactionalId, transaction, commit }) => {
      const of = `${transactionalId}/${transaction}`;
      expect(outcomes.get(of) ?? commit).toBe(commit);
      outcomes.set(of, commit);
    };
    processes[index] = made;
  };
  for (let index = 0; index < PROCESSES; index++) start(index);

  let generation = 1;
  const owners: Record<number, number> = Object.fromEntries(SHARED.map((one) => [one, 1]));
  const memberOf = (one: number) => `m${one}-${classic ? '' : owners[one]}`;
  const group = (): TestGroup => ({
    since: T0,
    generation,
    members: SHARED.map((one) => memberOf(one)),
    ...(classic ? {} : { owners: { ...owners } }),
  });
  await world.setGroup(group());

  const stored = () => new Map([...world.stored().values()].flatMap(({ committed }) => [...committed]));
  const offsetOf = (one: number) => stored().get(one)?.offset ?? -1;
  const writes: Map<number, number>[] = [];
  const wrong: string[] = [];
  /** The transactions that were open or prepared when this was last looked at. */
  let going: ReadonlySet<string> = new Set();
  let last = '';
  const watch = () => {
    const { state } = world.stores.contents();
    const now = state
      .filter(({ pk }) => pk === offsetsPk(GROUP))
      .map(({ nonce }) => nonce)
      .join();
    if (now !== last) {
      last = now;
      const before = writes.at(-1);
      const committed = new Map([...stored()].map(([one, { offset }]) => [one, offset]));
      for (const [one, offset] of committed) {
        const transactions = joined.get(offset);
        if (before?.get(one) === offset || transactions === undefined) continue;
        if (![...transactions].some((of) => going.has(of))) wrong.push(`${offset} after its transaction`);
        if (![...transactions].some((of) => outcomes.get(of) === true)) wrong.push(`${offset} without a commit`);
      }
      writes.push(committed);
    }
    const items = state.filter(({ sk }) => sk === TRANSACTION_SK).map(({ body }) => decodeTransaction(body));
    going = new Set(
      items
        .filter(({ status }) => status === 'Ongoing' || status.startsWith('Prepare'))
        .map(({ transactionalId, transaction }) => `${transactionalId}/${transaction}`),
    );
  };
  /** Commits in the order of their answers, with the number of commits that were sent before. */
  const answered: { readonly partition: number; readonly offset: number; readonly sentAt: number }[] = [];
  const commitOne = async (one: OffsetsProcess, request: Commit, partition: number, offset: number) => {
    const sentAt = answered.length;
    const outcome = await one.offsets.commit(request, context(60_000)).catch(() => undefined);
    watch();
    if (outcome?.(TOPIC, partition) !== 'NONE') return outcome;
    answered.push({ partition, offset, sentAt });
    if (request.producer === undefined) plain.push({ partition, offset, sentAt, writes: writes.length });
    return outcome;
  };
  const plain: (Omit<(typeof answered)[number], never> & { readonly writes: number })[] = [];
  let count = 0;
  const nextOffset = (by: number) => by * PER_GENERATION + ++count;

  const clients: Client[] = PAIRS.map((pair, index) => {
    const now = { transactionalId: `tx${index}`, producerId: -1, producerEpoch: -1, protocol };
    const state = { staged: undefined, isBroken: false, committed: -1, turn: Promise.resolve() };
    return { id: now.transactionalId, pair, now, before: now, ...state };
  });
  const become = (client: Client, answer: { producerId: number; producerEpoch: number }) => {
    if (answer.producerEpoch !== client.now.producerEpoch) client.before = client.now;
    client.now = { ...client.now, producerId: answer.producerId, producerEpoch: answer.producerEpoch };
  };
  /** Retries as a client does: with the next process, that of its new coordinator. */
  const insist = async <T>(first: number, task: (one: OffsetsProcess) => Promise<T | undefined>) => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const answer = await task(processes[(first + attempt) % PROCESSES]!).catch(() => undefined);
      if (answer !== undefined) return answer;
    }
    return undefined;
  };
  const init = async (client: Client, first: number) => {
    client.isBroken = true;
    const request = { transactionalId: client.id, timeoutMs: TRANSACTION_TIMEOUT_MS, expected: undefined };
    const answer = await insist(first, async ({ coordinator }) => {
      const one = await coordinator.initProducerId(request, context());
      return one.kind === 'ok' ? one : undefined;
    });
    if (answer === undefined) return;
    become(client, answer);
    client.isBroken = false;
    client.staged = undefined;
    const [a, b] = client.pair.map(offsetOf);
    if (a !== b) wrong.push(`${client.id} after init: ${a} and ${b}`);
    client.committed = a!;
  };
  const stage = async (client: Client, one: Extract<Action, { kind: 'stage' }>) => {
    if (client.isBroken) await init(client, one.process);
    const by = Math.max(1, generation - one.behind);
    const offset = nextOffset(by);
    if (protocol === 1) {
      const request = { ...client.now, partitions: new Map(), groups: [GROUP] };
      const added = await insist(one.process, async ({ coordinator }) => {
        const answer = await coordinator.add(request, context());
        return answer.kind === 'ok' ? answer : undefined;
      });
      if (added === undefined) {
        client.isBroken = true;
        return;
      }
    }
    const offsets = Object.fromEntries([one.partition, ...client.pair].map((of) => [of, offset]));
    const tagged = { ...client.now, offset };
    const request = stageOf(tagged, offsets, member(memberOf(one.partition), by));
    const outcome = await commitOne(processes[one.process]!, request, one.partition, offset);
    if (client.pair.every((of) => outcome?.(TOPIC, of) === 'NONE')) client.staged = offset;
    else client.isBroken = true;
  };
  const end = async (client: Client, one: Extract<Action, { kind: 'end' }>) => {
    if (client.staged === undefined && !client.isBroken) return;
    const commit = one.commit && !client.isBroken;
    const answer = await insist(one.process, async ({ coordinator }) =>
      coordinator.end({ ...client.now, commit }, context()),
    );
    if (answer?.kind !== 'ok') return init(client, one.process + 1);
    const expected = commit ? client.staged! : client.committed;
    const found = client.pair.map(offsetOf);
    if (found.some((of) => of !== expected)) wrong.push(`${client.id}: ${found.join(' and ')}, not ${expected}`);
    client.committed = expected;
    become(client, answer);
    client.staged = undefined;
    client.isBroken = false;
  };

  const shown: Shown[] = [];
  const fetched = (outcome: FetchOutcome, by: number, shared: number, bound: number) => {
    watch();
    if (outcome.kind !== 'fetched') return;
    const stable = new Map(
      outcome.topics
        .flatMap(({ offsets }) => offsets)
        .flatMap((of) => (of.error === 'NONE' ? [[of.partition, of.offset]] : [])),
    );
    const offset = stable.get(shared);
    if (offset !== undefined) shown.push({ partition: shared, generation: bound, offset, writes: writes.length });
    for (const pair of PAIRS) {
      const [a, b] = pair.map((of) => stable.get(of));
      if (a === undefined || b === undefined || a === b || !classic) continue;
      if (Math.max(generationOf(a), generationOf(b)) < by) wrong.push(`read by generation ${by}: ${a} and ${b}`);
    }
  };

  const finished = async (all: readonly Promise<unknown>[]) => {
    let isDone = false;
    const done = Promise.all(all).finally(() => {
      isDone = true;
    });
    while (!isDone) await arrive();
    await done;
  };
  const work: Promise<unknown>[] = [];
  const inTurn = (client: Client, task: () => Promise<unknown>) => {
    client.turn = client.turn.then(task);
    work.push(client.turn);
  };
  for (const client of clients) inTurn(client, () => init(client, 0));
  await finished(work);
  for (const one of actions) {
    switch (one.kind) {
      case 'commit': {
        const by = Math.max(1, generation - one.behind);
        const offset = nextOffset(by);
        const request = commitOf(member(memberOf(one.partition), by), { [one.partition]: offset });
        work.push(commitOne(processes[one.process]!, request, one.partition, offset));
        break;
      }
      case 'stage':
        inTurn(clients[one.producer]!, () => stage(clients[one.producer]!, one));
        break;
      case 'stray': {
        const client = clients[one.producer]!;
        const by = Math.max(1, generation - one.behind);
        const offset = nextOffset(by);
        const tagged = { ...(one.olds === 1 ? client.before : client.now), offset };
        const request = stageOf(tagged, { [one.partition]: offset }, member(memberOf(one.partition), by));
        work.push(commitOne(processes[one.process]!, request, one.partition, offset));
        break;
      }
      case 'end':
        inTurn(clients[one.producer]!, () => end(clients[one.producer]!, one));
        break;
      case 'init':
        inTurn(clients[one.producer]!, () => init(clients[one.producer]!, one.process));
        break;
      case 'fetch': {
        const by = generation;
        const bound = classic ? generation : owners[one.partition]!;
        const wanted = [one.partition, ...PAIRS[one.pair]!];
        const request = fetchOf(member(memberOf(one.partition), by), wanted, TOPIC, true);
        const answer = processes[one.process]!.offsets.fetch(request, context(60_000));
        work.push(answer.then((outcome) => fetched(outcome, by, one.partition, bound)).catch(() => {}));
        break;
      }
      case 'rebalance':
        generation++;
        owners[one.partition] = generation;
        await world.setGroup(group());
        break;
      case 'kill':
        // The next time it is started again.
        if (Number.isFinite(callsLeft[one.process])) start(one.process);
        else callsLeft[one.process] = one.afterCalls;
        break;
      case 'wait':
        for (let calls = 0; calls < one.calls; calls++) await arrive();
    }
  }
  for (let index = 0; index < PROCESSES; index++) start(index);
  await finished(work);
  for (const { partition: one, offset, sentAt, writes: before } of plain) {
    const earlier = new Set(
      answered
        .slice(0, sentAt)
        .filter((of) => of.partition === one)
        .map((of) => of.offset),
    );
    const later = writes.slice(before).map((committed) => committed.get(one)!);
    for (const of of later) if (earlier.has(of) && of !== offset) wrong.push(`${of} after ${offset}`);
  }
  // Whoever reads now waits for nobody: every transaction has timed out.
  await world.clock.advance(TRANSACTION_TIMEOUT_MS);
  const everything = [...SHARED, ...PAIRS.flat()];
  const request = fetchOf(member(memberOf(0), generation), everything, TOPIC, true);
  const final = processes[0]!.offsets.fetch(request, context());
  await finished([final]);
  watch();
  return { writes, shown, wrong, joined, outcomes, final: await final };
}

describe.each([
  ['classic', 1, true],
  ['classic', 2, true],
  ['consumer', 2, false],
] as const)('offsets of transactions in a %s group, protocol %i', (_, protocol, classic) => {
  it('take effect with their own transaction or never, in all blocks or in none, and never go back', async () => {
    const seen = { applied: 0, shown: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 15, maxLength: 70 }), fc.nat(), async (actions, seed) => {
        const { writes, shown, wrong, joined, outcomes, final } = await play(actions, seed, protocol, classic);
        expect(wrong).toEqual([]);
        for (const offset of new Set(writes.flatMap((committed) => [...committed.values()]))) {
          const transactions = joined.get(offset);
          if (transactions === undefined) continue;
          expect([...transactions].map((of) => outcomes.get(of))).toContain(true);
          seen.applied++;
        }
        for (const { partition: read, generation, offset, writes: before } of shown) {
          let value = offset === -1 ? undefined : offset;
          for (const committed of writes.slice(before)) {
            // Whatever changes the offset after it was shown is of that generation or a later one.
            const after = committed.get(read);
            if (after !== value) expect(generationOf(after!)).toBeGreaterThanOrEqual(generation);
            value = after;
          }
          seen.shown++;
        }
        expect(
          final.kind === 'fetched' &&
            final.topics.every(({ offsets }) => offsets.every(({ error }) => error === 'NONE')),
        ).toBe(true);
      }),
      { numRuns: runs(60) },
    );
    expect(seen.applied).toBeGreaterThan(runs(10));
    expect(seen.shown).toBeGreaterThan(runs(10));
  });
});

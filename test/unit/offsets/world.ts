import type { RequestContext } from '../../../lib/core/context.ts';
import type { TransactionalProducer } from '../../../lib/core/transactional-producer.ts';
import { BlockStore } from '../../../lib/offsets/block-store.ts';
import { type DeleteRoom, expireOffsets } from '../../../lib/offsets/delete.ts';
import type {
  CheckedClaim,
  ExpiryRule,
  GroupFacts,
  MemberClaim,
  OffsetGroups,
  OffsetSettings,
} from '../../../lib/offsets/environment.ts';
import { Offsets } from '../../../lib/offsets/offsets.ts';
import type { GroupToJoin, OffsetTransactions, PendingToEnd } from '../../../lib/offsets/transactions.ts';
import { decodeOffsetsBlock, offsetsPk } from '../../../lib/storage/items/committed-offsets.ts';
import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { meterStores } from '../../../lib/storage/metering.ts';
import type { ItemStore, Stores } from '../../../lib/storage/ports.ts';
import { Coordinator } from '../../../lib/transactions/coordinator.ts';
import { ProducerIds } from '../../../lib/transactions/producer-ids.ts';
import { TransactionItems } from '../../../lib/transactions/transaction-items.ts';
import { CountingMeter } from '../../support/counting-meter.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

export const T0 = 1_700_000_000_000;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const TOPIC = { id: 'topicidtopicidtopicid0', name: 'orders' };
export const OTHER = { id: 'topicidtopicidtopicid1', name: 'payments' };
export const SETTINGS: OffsetSettings = { retentionMs: 7 * DAY, metadataMax: 10 };

/** A group as these tests store it: the members' generation, and what a consumer group has given to whom. */
export interface TestGroup {
  readonly since: number;
  readonly generation: number;
  readonly members: readonly string[];
  readonly emptySince?: number;
  readonly subscribed?: readonly string[];
  /** Epochs at which partitions were given to their owners: a consumer group. */
  readonly owners?: Readonly<Record<number, number>>;
  readonly simple?: boolean;
}

export function factsOfTest(group: TestGroup): GroupFacts {
  const consumer = group.owners !== undefined;
  return {
    since: group.since,
    staleError: consumer ? 'STALE_MEMBER_EPOCH' : 'ILLEGAL_GENERATION',
    expiry: expiryOf(group),
    isSubscribedTo: (topic) => group.subscribed?.includes(topic) ?? false,
    fence:
      group.members.length === 0
        ? { kind: 'none' }
        : consumer
          ? { kind: 'partition', epochOf: (_, partition) => group.owners?.[partition] }
          : { kind: 'group', generation: group.generation },
  };
}

function expiryOf(group: TestGroup): ExpiryRule {
  if (group.simple === true) return { kind: 'sinceCommit' };
  if (group.emptySince !== undefined) return { kind: 'sinceEmpty', emptySince: group.emptySince };
  return { kind: 'never' };
}

/** transaction.max.timeout.ms */
const TIMEOUT_MAX_MS = 15 * MINUTE;

const PK = 'test-group';

/** The group items of these tests, read and written as the real ones are: strongly consistent, by this store's client. */
export function testGroups(state: ItemStore): OffsetGroups {
  const read = async (groupId: string): Promise<TestGroup | undefined> => {
    const { item } = await state.get(PK, groupId, true);
    return item === undefined ? undefined : (JSON.parse(item.body.toString()) as TestGroup);
  };
  const check = (
    group: TestGroup | undefined,
    claim: MemberClaim,
    transactional = false,
  ): CheckedClaim | { readonly kind: 'absent' } => {
    if (group === undefined) return { kind: 'absent' };
    const facts = factsOfTest(group);
    if (claim.generationOrEpoch < 0) {
      return group.members.length === 0 || transactional
        ? { kind: 'ok', facts }
        : { kind: 'refused', error: 'UNKNOWN_MEMBER_ID' };
    }
    if (!group.members.includes(claim.memberId)) return { kind: 'refused', error: 'UNKNOWN_MEMBER_ID' };
    return claim.generationOrEpoch === group.generation
      ? { kind: 'ok', facts }
      : { kind: 'refused', error: facts.staleError };
  };
  return {
    async checkCommit(groupId, claim, { transactional }) {
      const checked = check(await read(groupId), claim, transactional);
      return checked.kind === 'absent' ? { kind: 'refused', error: 'ILLEGAL_GENERATION' } : checked;
    },
    async checkFetch(groupId, claim) {
      const group = await read(groupId);
      if (group === undefined) return { kind: 'absent' };
      return claim.memberId === '' ? { kind: 'ok', facts: factsOfTest(group) } : check(group, claim);
    },
  };
}

export interface OffsetsProcess {
  readonly offsets: Offsets;
  /** The real coordinator. Its transactions have groups only, so that it writes no markers. */
  readonly coordinator: Coordinator;
  readonly room: DeleteRoom;
  readonly meter: CountingMeter;
  readonly stores: Stores;
  faults: (call: StoreCall) => Fault | undefined;
  /** Awaited before each call reaches the store, and before its answer reaches the process. */
  gate: () => Promise<void>;
  /** What is told of each transaction that a commit has joined, and of each end for the group. */
  onJoined: (request: GroupToJoin, transaction: number) => void;
  onEnd: (end: PendingToEnd) => void;
}

function gated(state: ItemStore, gate: () => Promise<void>): ItemStore {
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    await gate();
    const answer = await call();
    await gate();
    return answer;
  };
  return {
    now: () => state.now(),
    get: (...args) => through(() => state.get(...args)),
    query: (...args) => through(() => state.query(...args)),
    put: (...args) => through(() => state.put(...args)),
    delete: (...args) => through(() => state.delete(...args)),
  };
}

export interface OffsetsWorld {
  readonly clock: VirtualClock;
  readonly stores: MemoryStores;
  process(settings?: Partial<OffsetSettings>): OffsetsProcess;
  /** Removes what has expired, as whoever lets a member in does first. */
  expire(process: OffsetsProcess, group: TestGroup, isThere?: (topicId: string) => Promise<boolean>): Promise<void>;
  setGroup(group: TestGroup | undefined, groupId?: string): Promise<void>;
  run<T>(work: Promise<T>): Promise<T>;
  /** All blocks of the group as stored, by sort key. */
  stored(groupId?: string): Map<string, ReturnType<typeof decodeOffsetsBlock>>;
}

export const GROUP = 'billing';

export function offsetsWorld(seed = 1): OffsetsWorld {
  const clock = new VirtualClock(T0);
  const random = seededRandom(seed);
  const stores = memoryStores({ clock, random });
  let version = 1;
  return {
    clock,
    stores,
    process(settings = {}) {
      const meter = new CountingMeter();
      const metered = meterStores(stores.client({ faults: (call) => process.faults(call) }), meter);
      const client = { ...metered, state: gated(metered.state, () => process.gate()) };
      const env = { state: client.state, clock, random, settings: { ...SETTINGS, ...settings } };
      const groups = testGroups(client.state);
      const transactions: OffsetTransactions = {
        async join(request) {
          const joined = await coordinator.join(request);
          if (joined.kind === 'open') process.onJoined(request, joined.transaction);
          return joined;
        },
        meet: (transactionalId, transaction) => coordinator.meet(transactionalId, transaction),
      };
      const room = { env, groups, transactions, blocks: new BlockStore(env) };
      const offsets = new Offsets(env, groups, transactions);
      const coordinator = new Coordinator(
        {
          ...env,
          offsets: {
            endPending(end) {
              process.onEnd(end);
              return offsets.endPending(end);
            },
          },
          producerIds: new ProducerIds(client.state, clock, random),
          journals: { countOf: async () => undefined, write: async () => 'written' },
          timeoutMaxMs: TIMEOUT_MAX_MS,
        },
        new TransactionItems(env),
      );
      const hooks = { faults: () => undefined, gate: async () => {}, onJoined: () => {}, onEnd: () => {} };
      const process: OffsetsProcess = { offsets, coordinator, room, meter, stores: client, ...hooks };
      return process;
    },
    expire: (process, group, isThere = async () => true) =>
      expireOffsets(process.room, GROUP, factsOfTest(group), isThere),
    async setGroup(group, groupId = GROUP) {
      const { item } = await stores.state.get(PK, groupId, true);
      if (item !== undefined) await stores.state.delete(PK, groupId, item.version);
      if (group === undefined) return;
      const body = Buffer.from(JSON.stringify(group));
      await stores.state.put(
        { pk: PK, sk: groupId, version: version++, nonce: `${version}`, body },
        { kind: 'absent' },
      );
    },
    async run(work) {
      let done = false;
      const end = () => {
        done = true;
      };
      work.then(end, end);
      if (!(await clock.runUntil(() => done, DAY))) throw new Error('not done within a day');
      return work;
    },
    stored: (groupId = GROUP) =>
      new Map(
        stores
          .contents()
          .state.filter(({ pk }) => pk === offsetsPk(groupId))
          .map(({ sk, body }) => [sk, decodeOffsetsBlock(body)]),
      ),
  };
}

export const NOBODY: MemberClaim = { memberId: '', instanceId: null, generationOrEpoch: -1 };

export function member(memberId: string, generationOrEpoch: number): MemberClaim {
  return { memberId, instanceId: null, generationOrEpoch };
}

export function context(deadline = Number.POSITIVE_INFINITY): RequestContext {
  return {
    principal: 'User:ANONYMOUS',
    clientId: 'test',
    host: '127.0.0.1',
    listener: 'PLAINTEXT',
    deadline,
    signal: new AbortController().signal,
  };
}

/** Offsets of partitions as a request has them: partition -> offset. */
export function at(offsets: Readonly<Record<number, number>>, metadata = '') {
  return Object.entries(offsets).map(([partition, offset]) => ({
    partition: Number(partition),
    offset,
    leaderEpoch: 0,
    metadata,
  }));
}

/** The request that commits offsets of one topic. */
export function commitOf(claim: MemberClaim, offsets: Readonly<Record<number, number>>, topic = TOPIC) {
  const kind = { transactional: false, apiVersion: 9 };
  return { groupId: GROUP, claim, kind, topics: [{ topic, wanted: at(offsets) }] };
}

/** The request that commits offsets of one topic in a transaction. */
export function stageOf(
  producer: TransactionalProducer,
  offsets: Readonly<Record<number, number>>,
  claim = NOBODY,
  topic = TOPIC,
) {
  const kind = { transactional: true, apiVersion: producer.protocol === 2 ? 5 : 3 };
  return { groupId: GROUP, claim, kind, producer, topics: [{ topic, wanted: at(offsets) }] };
}

/** The request that reads offsets of one topic. */
export function fetchOf(claim: MemberClaim, wanted: readonly number[], topic = TOPIC, requireStable = false) {
  return { groupId: GROUP, claim, topics: [{ topic, wanted }], requireStable };
}

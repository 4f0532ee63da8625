import { ApiKey } from '../../../lib/wire/apis.ts';
import { until } from '../../support/waiting.ts';
import type { Family, Speaker } from './speaker.ts';

interface Producer {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

interface Part {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedMetadata: string | null;
}

interface Claim {
  readonly memberId?: string;
  readonly generationIdOrMemberEpoch?: number;
  readonly groupInstanceId?: string;
}

const FIRST_WITH_MEMBERS = 3;
const FIRST_THAT_ADDS = 5;
const CONCURRENT_TRANSACTIONS = 51;
/** Kafka creates the topic of its transactions, and writes markers after it has answered. */
const SETTLED = { withinMs: 20_000, everyMs: 20 };

const part = (partitionIndex: number, committedOffset: number, committedMetadata: string | null = ''): Part => ({
  partitionIndex,
  committedOffset,
  committedMetadata,
});
const to = (name: string, ...partitions: Part[]) => ({ name, partitions });

/** TxnOffsetCommit in every version, and how stable the offsets are meanwhile. */
export const transactionalOffsets: Family = {
  name: 'transactional offsets',
  async run(speaker) {
    await speaker.topic('txo', 3);
    for (let version = 0; version <= FIRST_THAT_ADDS; version++) await ofVersion(speaker, version);
    await mixed(speaker);
  },
};

/** A new producer of the id, once its coordinator is up and the transaction before it is over. */
async function init(speaker: Speaker, transactionalId: string): Promise<Producer> {
  const producer = { transactionalId, producerId: -1, producerEpoch: -1 };
  const isReady = async () => {
    await speaker.prepare(ApiKey.FindCoordinator, 3, { key: transactionalId, keyType: 1 });
    const request = { transactionalId, transactionTimeoutMs: 60_000 };
    const answer = await speaker.prepare(ApiKey.InitProducerId, 4, request);
    producer.producerId = answer.producerId;
    producer.producerEpoch = answer.producerEpoch;
    return answer.errorCode === 0;
  };
  await until(isReady, `a producer ${transactionalId}`, SETTLED);
  return producer;
}

/** Ends the transaction and waits until all of it has taken effect: that is when the next producer starts. */
async function end(speaker: Speaker, one: Producer, committed: boolean, version: number): Promise<Producer> {
  const isEnded = async () => {
    const { errorCode } = await speaker.prepare(ApiKey.EndTxn, version, { ...one, committed });
    if (errorCode !== 0 && errorCode !== CONCURRENT_TRANSACTIONS) {
      throw new Error(`${one.transactionalId}: EndTxn gets ${errorCode}`);
    }
    return errorCode === 0;
  };
  await until(isEnded, `the end of ${one.transactionalId}`, SETTLED);
  return init(speaker, one.transactionalId);
}

const stage = (
  speaker: Speaker,
  what: string,
  version: number,
  of: Producer & { readonly groupId: string },
  topics = [to('txo', part(0, 5))],
  claim: Claim = {},
) => speaker.ask(what, ApiKey.TxnOffsetCommit, version, { ...of, topics, ...claim });

async function show(speaker: Speaker, what: string, groupId: string): Promise<void> {
  for (const requireStable of [true, false]) {
    for (const topics of [[{ name: 'txo', partitionIndexes: [0, 1, 2] }], null]) {
      const kind = `${requireStable ? 'stable' : 'any'}, ${topics === null ? 'all' : 'named'}`;
      await speaker.ask(`${what}: ${kind}`, ApiKey.OffsetFetch, 7, { groupId, topics, requireStable });
    }
  }
}

async function ofVersion(speaker: Speaker, version: number): Promise<void> {
  const groupId = `txo-${version}`;
  const isAdding = version >= FIRST_THAT_ADDS;
  const ask = (
    what: string,
    of: Partial<Producer & { groupId: string }>,
    topics?: ReturnType<typeof to>[],
    claim?: Claim,
  ) => stage(speaker, what, version, { ...producer, groupId, ...of }, topics, claim);
  let producer = await init(speaker, `txo-${version}`);
  await ask('of an unknown id', { transactionalId: `txo-no-such-${version}` });
  if (!isAdding) await ask('without a transaction', {});
  const strangers = async (when: string) => {
    await ask(`of another producer id ${when}`, { producerId: producer.producerId + 999 });
    await ask(`of an epoch above ${when}`, { producerEpoch: producer.producerEpoch + 1 });
    await ask(`of an epoch below ${when}`, { producerEpoch: producer.producerEpoch - 1 });
  };
  await strangers('before');
  await speaker.ask(`a group, then ${version}`, ApiKey.AddOffsetsToTxn, 3, { ...producer, groupId });
  await strangers('in between');
  await ask('offsets', {}, [to('txo', part(0, 5), part(1, 6, null))]);
  await strangers('after');
  await ask('of the empty group', { groupId: '' });
  await ask('nothing', {}, []);
  await ask('no partition', {}, [to('txo')]);
  await ask('what is not there', {}, [
    to('no-such', part(0, 1)),
    to('txo', part(-1, 1), part(3, 1)),
    to('', part(0, 1)),
  ]);
  await ask('long metadata', {}, [to('txo', part(1, 7, 'x'.repeat(4097)), part(2, -1, 'x'.repeat(4096)))]);
  await ask('a partition twice', {}, [to('txo', part(1, 8), part(1, 9)), to('txo', part(1, 10, 'last'))]);
  if (version >= FIRST_WITH_MEMBERS) {
    await ask('of a generation', {}, undefined, { generationIdOrMemberEpoch: 3 });
    await ask('of a stranger outside', {}, undefined, { memberId: 'm' });
    await ask('of a stranger', {}, undefined, { memberId: 'm', generationIdOrMemberEpoch: 3 });
    await ask('of an instance', {}, undefined, { groupInstanceId: 'i' });
  }
  await show(speaker, `open ${version}`, groupId);
  producer = await end(speaker, producer, true, isAdding ? 5 : 4);
  await show(speaker, `committed ${version}`, groupId);
  if (!isAdding) {
    await ask('after the end', {});
    await speaker.prepare(ApiKey.AddOffsetsToTxn, 3, { ...producer, groupId });
  }
  await ask('to be aborted', {}, [to('txo', part(0, 50))]);
  await end(speaker, producer, false, isAdding ? 5 : 4);
  await show(speaker, `aborted ${version}`, groupId);
}

/** Other commits and deletions while a transaction is open. */
async function mixed(speaker: Speaker): Promise<void> {
  const version = FIRST_THAT_ADDS;
  const groupId = 'txo-mixed';
  let first = await init(speaker, 'txo-first');
  let second = await init(speaker, 'txo-second');
  const ask = (what: string, of: Producer, ...parts: Part[]) =>
    stage(speaker, what, version, { ...of, groupId }, [to('txo', ...parts)]);
  const plain = (what: string, ...parts: Part[]) =>
    speaker.ask(what, ApiKey.OffsetCommit, 7, { groupId, memberId: '', topics: [to('txo', ...parts)] });
  const finish = async (what: string, of: Producer, committed = true) => {
    const next = await end(speaker, of, committed, version);
    await show(speaker, what, groupId);
    return next;
  };
  await ask('then a plain one', first, part(0, 5));
  await plain('over a pending one', part(0, 99));
  await show(speaker, 'overtaken', groupId);
  first = await finish('overtaken and committed', first);
  await plain('under a pending one', part(0, 1));
  await ask('after a plain one', first, part(0, 5));
  first = await finish('not overtaken', first);
  await ask('once', first, part(0, 70));
  await plain('in between', part(0, 71));
  await ask('once more', first, part(0, 72));
  first = await finish('committed twice', first);
  await ask('of the first', first, part(0, 1), part(1, 1));
  await ask('of the second', second, part(0, 2));
  second = await finish('the second ends', second);
  first = await finish('the first ends', first);
  await ask('of the first again', first, part(0, 3), part(1, 3));
  await ask('of the second again', second, part(0, 4));
  second = await finish('the second is aborted', second, false);
  first = await finish('the first ends alone', first);
  await ask('then deleted', first, part(0, 80), part(1, 81));
  const topics = [{ name: 'txo', partitions: [{ partitionIndex: 0 }] }];
  await speaker.ask('of a pending offset', ApiKey.OffsetDelete, 0, { groupId, topics });
  await show(speaker, 'deleted', groupId);
  first = await finish('deleted and committed', first);
  await ask('then without its group', first, part(0, 90), part(1, 91));
  await speaker.ask('with pending offsets', ApiKey.DeleteGroups, 2, { groupsNames: [groupId] });
  await show(speaker, 'without a group', groupId);
  await ask('in the next group', first, part(2, 92));
  await show(speaker, 'in the next group', groupId);
  first = await finish('in the next group, committed', first);
  await ask('of nobody', first, part(0, 1));
  await speaker.ask('with pending offsets only', ApiKey.DeleteGroups, 2, { groupsNames: [groupId] });
  await end(speaker, first, false, version);
}

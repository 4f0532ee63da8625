import { errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import type { Caller } from '../caller.ts';
import type { Connection } from '../connection.ts';
import type { Claim } from './group-ledger.ts';
import { commitRequest } from './group-member.ts';
import type { SentCommit } from './group-record.ts';
import type { SimGroup } from './sim-group.ts';
import { partitionKey } from './stored-group.ts';

/** Those who want stable offsets wait no longer for a transaction that nobody ends; ms. */
const TIMEOUT_MS = 6_000;
/** Between the offsets and the end: mostly at once, sometimes so long that the group goes on meanwhile. */
const SOON_MS = [1, 60] as const;
const LATER_MS = [500, 8_000] as const;
const LATER = 0.3;

const NONE = errorCode('NONE');

/** What only offsets of a transaction are answered: it has timed out, or another process still works on it. */
export const TRANSACTION_REFUSALS = new Set([
  errorCode('INVALID_PRODUCER_EPOCH'),
  errorCode('INVALID_TXN_STATE'),
  errorCode('TRANSACTION_ABORTABLE'),
]);

/**
 * Commits offsets as a member by a transaction of its own (KIP-447), which may end when the member has lost its partitions to
 * another one. The error code of each commit; undefined where the outcome is not known.
 */
export async function commitInTransaction(
  caller: Caller,
  connection: Connection,
  patienceMs: number,
  { group, claim, commits }: { group: SimGroup; claim: Claim; commits: readonly SentCommit[] },
): Promise<ReadonlyMap<SentCommit, number> | undefined> {
  const transactionalId = `${caller.name}/${commits[0]!.number}`;
  const init = { transactionalId, transactionTimeoutMs: TIMEOUT_MS, producerId: -1, producerEpoch: -1 };
  const producer = await connection.ask(ApiKey.InitProducerId, 5, init, patienceMs);
  if (producer === 'closed' || producer.errorCode !== NONE) return undefined;
  const { producerId, producerEpoch } = producer;
  const body = { ...commitRequest(group, commits, claim), transactionalId, producerId, producerEpoch };
  const answer = await connection.ask(ApiKey.TxnOffsetCommit, 5, body, patienceMs);
  const codes = new Map<SentCommit, number>();
  for (const { name, partitions } of answer === 'closed' ? [] : answer.topics) {
    const { id } = group.topics.find((topic) => topic.name === name)!;
    for (const { partitionIndex, errorCode: code } of partitions) {
      codes.set(commits.find(({ key }) => key === partitionKey(id, partitionIndex))!, code);
    }
  }
  const committed = answer !== 'closed' && [...codes.values()].every((code) => code === NONE);
  const { world } = caller.cluster;
  const [low, high] = world.troubles.on && caller.random.next() < LATER ? LATER_MS : SOON_MS;
  await caller.sleep(randomInt(caller.random, low, high));
  const end = { transactionalId, producerId, producerEpoch, committed };
  world.note('memberEnds', transactionalId, committed ? 'commit' : 'abort');
  const ended = await connection.ask(ApiKey.EndTxn, 5, end, patienceMs);
  if (committed && (ended === 'closed' || ended.errorCode !== NONE)) return undefined;
  return codes;
}

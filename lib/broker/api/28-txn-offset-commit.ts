import { groupAccesses, groupResource, topicAccesses } from '../../auth/authorize.ts';
import type { ErrorName } from '../../core/errors.ts';
import { isGroupId } from '../../storage/items/group-keys.ts';
import { TxnOffsetCommit } from '../../wire/messages/28-txn-offset-commit.ts';
import type { GroupBroker } from '../broker.ts';
import { commitTopics, refuseTopics } from '../commit-topics.ts';
import { defineApi } from '../define-api.ts';
import { transactionalAccess } from '../transactional.ts';

/** The first version whose clients know TRANSACTION_ABORTABLE (AddPartitionsToTxnManager). */
const FIRST_WITH_ABORTABLE = 4;

/** From this version on, the commit adds its group to the transaction (KIP-890). */
const FIRST_THAT_ADDS = 5;

/**
 * TxnOffsetCommit, versions 0 to 5: commits offsets of a group when a transaction commits
 * (KafkaApis.handleTxnOffsetCommitRequest). From version 3 on, the group checks the member (KIP-447).
 */
export const txnOffsetCommit = defineApi(TxnOffsetCommit, async (broker: GroupBroker, request, version, context) => {
  const { transactionalId, groupId, topics, producerId, producerEpoch } = request;
  const write = transactionalAccess('WRITE', transactionalId);
  const decisions = await broker.authorize(context, [
    write,
    ...groupAccesses('READ', [groupId]),
    ...topicAccesses(
      'READ',
      topics.map(({ name }) => name),
    ),
  ]);
  if (!decisions.allows(write.operation, write.resource)) {
    return { topics: refuseTopics(topics, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED') };
  }
  if (!decisions.allows('READ', groupResource(groupId))) {
    return { topics: refuseTopics(topics, 'GROUP_AUTHORIZATION_FAILED') };
  }
  const claim = {
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    generationOrEpoch: request.generationIdOrMemberEpoch,
  };
  const commit = {
    groupId,
    claim,
    kind: { transactional: true, apiVersion: version },
    producer: { transactionalId, producerId, producerEpoch, protocol: version >= FIRST_THAT_ADDS ? 2 : 1 },
  } as const;
  const named = ({ name }: { readonly name: string }) => ({ kind: 'named', name, id: undefined }) as const;
  const committed = !isGroupId(groupId) ? 'INVALID_GROUP_ID' : transactionalId === '' ? 'INVALID_REQUEST' : commit;
  return { topics: await commitTopics(broker, decisions, topics, named, committed, context, { toClient }) };

  /** The errors that clients expect of a group coordinator. */
  function toClient(error: ErrorName): ErrorName {
    switch (error) {
      case 'PRODUCER_FENCED':
        return 'INVALID_PRODUCER_EPOCH';
      case 'TRANSACTION_ABORTABLE':
        return version >= FIRST_WITH_ABORTABLE ? error : 'INVALID_TXN_STATE';
      // Another transaction of the id could not be finished in time: the client tries again.
      case 'CONCURRENT_TRANSACTIONS':
        return 'COORDINATOR_NOT_AVAILABLE';
      // Members of a consumer group that commit by TxnOffsetCommit know the classic error.
      case 'STALE_MEMBER_EPOCH':
        return 'ILLEGAL_GENERATION';
      default:
        return error;
    }
  }
});

import type { RequestContext } from '../core/context.ts';
import { type ErrorName, errorCode } from '../core/errors.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { ApiKey, type RequestBody } from '../wire/apis.ts';
import { decodeRequest, encodeResponse } from '../wire/frame.ts';
import { produce } from './api/00-produce.ts';
import { fetch } from './api/01-fetch.ts';
import { listOffsets } from './api/02-list-offsets.ts';
import { metadata } from './api/03-metadata.ts';
import { offsetCommit } from './api/08-offset-commit.ts';
import { offsetFetch } from './api/09-offset-fetch.ts';
import { findCoordinator } from './api/10-find-coordinator.ts';
import { joinGroup } from './api/11-join-group.ts';
import { heartbeat } from './api/12-heartbeat.ts';
import { leaveGroup } from './api/13-leave-group.ts';
import { syncGroup } from './api/14-sync-group.ts';
import { describeGroups } from './api/15-describe-groups.ts';
import { listGroups } from './api/16-list-groups.ts';
import { apiVersions, unsupportedApiVersions } from './api/18-api-versions.ts';
import { createTopics } from './api/19-create-topics.ts';
import { deleteTopics } from './api/20-delete-topics.ts';
import { initProducerId } from './api/22-init-producer-id.ts';
import { offsetForLeaderEpoch } from './api/23-offset-for-leader-epoch.ts';
import { describeConfigs } from './api/32-describe-configs.ts';
import { alterConfigs } from './api/33-alter-configs.ts';
import { describeLogDirs } from './api/35-describe-log-dirs.ts';
import { createPartitions } from './api/37-create-partitions.ts';
import { deleteGroups } from './api/42-delete-groups.ts';
import { electLeaders } from './api/43-elect-leaders.ts';
import { incrementalAlterConfigs } from './api/44-incremental-alter-configs.ts';
import { alterPartitionReassignments } from './api/45-alter-partition-reassignments.ts';
import { listPartitionReassignments } from './api/46-list-partition-reassignments.ts';
import { offsetDelete } from './api/47-offset-delete.ts';
import { describeQuorum } from './api/55-describe-quorum.ts';
import { updateFeatures } from './api/57-update-features.ts';
import { describeCluster } from './api/60-describe-cluster.ts';
import { consumerGroupHeartbeat } from './api/68-consumer-group-heartbeat.ts';
import { consumerGroupDescribe } from './api/69-consumer-group-describe.ts';
import { listConfigResources } from './api/74-list-config-resources.ts';
import { describeTopicPartitions } from './api/75-describe-topic-partitions.ts';
import { AskAgain, type Broker, CloseConnection, type Handler, NO_ANSWER } from './broker.ts';
import { elementsMax } from './elements-max.ts';
import { encodeAnswer } from './encode-answer.ts';
import type { FrameHandler, FrameOutcome, PatientFrameHandler } from './frame-handler.ts';
import { isServed } from './served.ts';
import { SMALL_ELEMENTS_MAX, WorkBudget } from './work-budget.ts';

type Handlers = { readonly [Key in ApiKey]?: Handler<Key> };

const HANDLERS: Handlers = {
  [ApiKey.Produce]: produce,
  [ApiKey.Fetch]: fetch,
  [ApiKey.ListOffsets]: listOffsets,
  [ApiKey.Metadata]: metadata,
  [ApiKey.OffsetCommit]: offsetCommit,
  [ApiKey.OffsetFetch]: offsetFetch,
  [ApiKey.FindCoordinator]: findCoordinator,
  [ApiKey.JoinGroup]: joinGroup,
  [ApiKey.Heartbeat]: heartbeat,
  [ApiKey.LeaveGroup]: leaveGroup,
  [ApiKey.SyncGroup]: syncGroup,
  [ApiKey.DescribeGroups]: describeGroups,
  [ApiKey.ListGroups]: listGroups,
  [ApiKey.ApiVersions]: apiVersions,
  [ApiKey.CreateTopics]: createTopics,
  [ApiKey.DeleteTopics]: deleteTopics,
  [ApiKey.InitProducerId]: initProducerId,
  [ApiKey.OffsetForLeaderEpoch]: offsetForLeaderEpoch,
  [ApiKey.DescribeConfigs]: describeConfigs,
  [ApiKey.AlterConfigs]: alterConfigs,
  [ApiKey.DescribeLogDirs]: describeLogDirs,
  [ApiKey.CreatePartitions]: createPartitions,
  [ApiKey.DeleteGroups]: deleteGroups,
  [ApiKey.ElectLeaders]: electLeaders,
  [ApiKey.IncrementalAlterConfigs]: incrementalAlterConfigs,
  [ApiKey.AlterPartitionReassignments]: alterPartitionReassignments,
  [ApiKey.ListPartitionReassignments]: listPartitionReassignments,
  [ApiKey.OffsetDelete]: offsetDelete,
  [ApiKey.DescribeQuorum]: describeQuorum,
  [ApiKey.UpdateFeatures]: updateFeatures,
  [ApiKey.DescribeCluster]: describeCluster,
  [ApiKey.ConsumerGroupHeartbeat]: consumerGroupHeartbeat,
  [ApiKey.ConsumerGroupDescribe]: consumerGroupDescribe,
  [ApiKey.ListConfigResources]: listConfigResources,
  [ApiKey.DescribeTopicPartitions]: describeTopicPartitions,
};

/**
 * Runs the handler of an API on a decoded request. Produce takes its place in the journals' order before this returns,
 * wherever its partitions are at hand.
 */
export function handle<Key extends ApiKey>(
  broker: Broker,
  apiKey: Key,
  version: number,
  body: RequestBody<Key>,
  context: RequestContext,
): ReturnType<Handler<Key>> {
  const handler = HANDLERS[apiKey] as Handler<Key> | undefined;
  if (handler === undefined) return Promise.resolve(new CloseConnection(`API ${apiKey} is not served`));
  return handler(broker, body, version, context);
}

/** The front door for whoever has frames and waits for the answers: decodes, dispatches, encodes. */
export function frameHandler(broker: Broker): FrameHandler {
  // Only a context with `again` has a request sent away.
  return patientFrameHandler(broker) as FrameHandler;
}

/** The same for whoever may be told to ask again. */
export function patientFrameHandler(broker: Broker): PatientFrameHandler {
  const budget = new WorkBudget();
  return async (frame, context) => {
    const elements = elementsAtMost(frame);
    if (elements <= SMALL_ELEMENTS_MAX) return serve(broker, frame, context);
    const room = budget.take(elements);
    if (room !== undefined) await room;
    let held = elements;
    const named = (count: number) => {
      budget.release(held - count);
      held = count;
    };
    try {
      return await serve(broker, frame, context, named);
    } finally {
      budget.release(held);
    }
  };
}

/**
 * Requests that are served whatever others name: Produce keeps its order, which waiting for others could change; the others wait
 * themselves, for records or members, and would keep their room meanwhile.
 */
const NEVER_HELD_UP: ReadonlySet<number> = new Set([ApiKey.Produce, ApiKey.Fetch, ApiKey.JoinGroup, ApiKey.SyncGroup]);

/** How many elements a request may turn out to have, each being a byte at least; 0 where that is of no concern. */
function elementsAtMost(frame: Buffer): number {
  if (frame.length <= SMALL_ELEMENTS_MAX) return 0;
  const apiKey = frame.readInt16BE(0);
  return NEVER_HELD_UP.has(apiKey) ? 0 : Math.min(frame.length, elementsMax(apiKey as ApiKey));
}

async function serve(
  broker: Broker,
  frame: Buffer,
  context: RequestContext,
  named?: (elements: number) => void,
): ReturnType<PatientFrameHandler> {
  const outcome = decodeRequest(frame, isServed, elementsMax);
  switch (outcome.kind) {
    case 'malformed':
      return { kind: 'close', reason: `malformed request: ${outcome.reason}` };
    case 'unknownApi':
      return { kind: 'close', reason: `unknown API key ${outcome.header.apiKey}` };
    case 'unsupportedVersion': {
      const { apiKey, apiVersion, correlationId } = outcome.header;
      if (apiKey !== ApiKey.ApiVersions) {
        return { kind: 'close', reason: `version ${apiVersion} of API key ${apiKey} is not served` };
      }
      const chunks = encodeResponse(ApiKey.ApiVersions, 0, correlationId, unsupportedApiVersions());
      return { kind: 'answer', chunks, errorCode: errorCode('UNSUPPORTED_VERSION') };
    }
    case 'request': {
      const { header, api, body } = outcome;
      named?.(outcome.elements);
      const asked = header.clientId === null ? context : { ...context, clientId: header.clientId };
      try {
        const answer = await handle(broker, api.key, header.apiVersion, body, asked);
        if (answer === NO_ANSWER) return { kind: 'none' };
        if (answer instanceof CloseConnection) return { kind: 'close', reason: answer.reason };
        if (answer instanceof AskAgain) return { kind: 'again', token: answer.token };
        return await encodeAnswer(broker, api.key, header, answer, context);
      } catch (error) {
        return failure(broker, api.key, error);
      }
    }
  }
}

function failure(broker: Broker, apiKey: number, error: unknown): FrameOutcome {
  if (error instanceof StoreUnavailableError) {
    return { kind: 'close', reason: `the store does not answer: ${error.message}`, fault: 'store' };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  broker.logger.log('error', { event: 'handler_failed', apiKey, message });
  return { kind: 'close', reason: 'an internal error, logged as handler_failed', fault: 'bug' };
}

/** The retriable error that stands for a store that does not answer, in answers that have an error per resource. */
export const STORE_UNAVAILABLE: ErrorName = 'KAFKA_STORAGE_ERROR';

import { beforeAll, describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../lib/auth/principal.ts';
import { errorCode } from '../../lib/core/errors.ts';
import { ApiKey, type RequestInput, type ResponseBody } from '../../lib/wire/apis.ts';
import { encodeRequest } from '../../lib/wire/client-frame.ts';
import { receiveFrame, SIZE_PREFIX_BYTES } from '../../lib/wire/frame.ts';
import { TOPIC } from '../support/config-requests.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { answerOf } from '../support/kafka-client.ts';
import { fetchOffsets } from '../support/offset-requests.ts';
import { rawRequest } from '../support/raw-client.ts';
import { batchOf, createTopic, produceRequest, type TopicName } from '../support/requests.ts';

/*
 * Text that is not valid UTF-8, and negative lengths below -1. What is expected here is what Apache Kafka 4.3.1 answered to
 * the same frames.
 */

/** Sent in place of every '~': the letter é in Latin-1. */
const LATIN1 = 0xe9;
const CAFE = 'caf\ufffd';

/** No byte of it is the one that `ask` replaces, whatever the time is. */
const BATCH = batchOf(['x'], { timestamp: 1_700_000_000_000 });

const stores = emptyStores();
let engine: Engine;
let topic: TopicName;

const CONTEXT = {
  principal: ANONYMOUS,
  clientId: '',
  host: '127.0.0.1',
  listener: 'PLAINTEXT',
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
};

beforeAll(async () => {
  engine = await startEngine({ stores });
  topic = await createTopic(engine.client, 'text');
});

async function answer<Key extends ApiKey>(apiKey: Key, version: number, frame: Buffer): Promise<ResponseBody<Key>> {
  const received = receiveFrame(frame);
  const context = { ...CONTEXT, clientId: received.head.clientId ?? '' };
  const outcome = await engine.handleFrame(received, context);
  if (outcome.kind !== 'answer') throw new Error(JSON.stringify(outcome));
  const told = answerOf(apiKey, version, 1, Buffer.concat(outcome.chunks).subarray(SIZE_PREFIX_BYTES));
  if (told.kind !== 'answer') throw new Error(told.kind);
  return told.body;
}

/** Sends a request as a client that writes Latin-1 does, its client id included. */
function ask<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<ResponseBody<Key>> {
  const frame = Buffer.concat(encodeRequest(apiKey, version, 1, 'caf~', body)).subarray(SIZE_PREFIX_BYTES);
  return answer(apiKey, version, frame.map((byte) => (byte === '~'.charCodeAt(0) ? LATIN1 : byte)) as Buffer);
}

describe('text that is not UTF-8 is answered, with U+FFFD for what is invalid', () => {
  it.each([0, 4])('as client id of ApiVersions %i', async (version) => {
    const names = version >= 3 ? { clientSoftwareName: 'c', clientSoftwareVersion: '1' } : {};
    expect(await ask(ApiKey.ApiVersions, version, names)).toMatchObject({ errorCode: 0 });
  });

  it('as client id of Produce', async () => {
    const { responses } = await ask(ApiKey.Produce, 9, produceRequest(topic, BATCH));
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0 });
  });

  it.each([4, 9])('as topic of Metadata %i', async (version) => {
    const { topics } = await ask(ApiKey.Metadata, version, { topics: [{ name: 'caf~' }] });
    expect(topics).toMatchObject([{ name: CAFE, errorCode: errorCode('INVALID_TOPIC_EXCEPTION') }]);
  });

  it('as config name and value', async () => {
    const configs = [{ name: 'caf~', configOperation: 0, value: 'x~' }];
    const { responses } = await ask(ApiKey.IncrementalAlterConfigs, 1, {
      resources: [{ resourceType: TOPIC, resourceName: topic.name, configs }],
      validateOnly: false,
    });
    expect(responses).toMatchObject([
      { errorCode: errorCode('INVALID_CONFIG'), errorMessage: `Unknown topic config name: ${CAFE}` },
    ]);
  });

  it.each([7, 8])('as group and metadata of OffsetCommit %i, which another process reads', async (version) => {
    const groupId = `group-${version}-caf~`;
    const partitions = [{ partitionIndex: 0, committedOffset: version, committedMetadata: 'caf~' }];
    const { topics } = await ask(ApiKey.OffsetCommit, version, {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: [{ name: topic.name, partitions }],
    });
    expect(topics[0]!.partitions).toMatchObject([{ errorCode: 0 }]);
    const other = await startEngine({ stores });
    const read = await fetchOffsets(other.client, groupId.replace('~', '\ufffd'), topic);
    expect(read.topics[0]!.partitions).toMatchObject([{ committedOffset: version, metadata: CAFE, errorCode: 0 }]);
  });

  it('as everything that a member says of itself', async () => {
    const group = { groupId: 'members-caf~' };
    const joined = await ask(ApiKey.JoinGroup, 9, {
      ...group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 1_000,
      memberId: '',
      groupInstanceId: 'inst~',
      protocolType: 'consumer~',
      protocols: [{ name: 'ran~', metadata: Buffer.alloc(0) }],
      reason: 'w~il',
    });
    expect(joined).toMatchObject({
      errorCode: 0,
      protocolType: 'consumer\ufffd',
      protocolName: 'ran\ufffd',
      memberId: expect.stringMatching(/^inst\ufffd-/),
      members: [{ groupInstanceId: 'inst\ufffd' }],
    });
    const { groups } = await ask(ApiKey.DescribeGroups, 5, { groups: [group.groupId] });
    expect(groups).toMatchObject([
      {
        errorCode: 0,
        groupId: 'members-caf\ufffd',
        members: [{ memberId: joined.memberId, groupInstanceId: 'inst\ufffd', clientId: CAFE }],
      },
    ]);
    const listed = (await ask(ApiKey.ListGroups, 4, {})).groups.map(({ groupId }) => groupId);
    expect(listed).toContain('members-caf\ufffd');
    const left = await ask(ApiKey.LeaveGroup, 5, {
      ...group,
      members: [{ memberId: joined.memberId, groupInstanceId: 'inst~', reason: 'w~il' }],
    });
    expect(left).toMatchObject({ errorCode: 0, members: [{ errorCode: 0 }] });
    const { results } = await ask(ApiKey.DeleteGroups, 2, { groupsNames: [group.groupId] });
    expect(results).toEqual([{ groupId: 'members-caf\ufffd', errorCode: 0 }]);
  });
});

describe('negative lengths below -1', () => {
  const int32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const raw = <Key extends ApiKey>(apiKey: Key, apiVersion: number, ...body: Buffer[]) =>
    answer(apiKey, apiVersion, rawRequest({ apiKey, apiVersion, correlationId: 1, body: Buffer.concat(body) }));

  it('of the topics of Metadata mean all topics', async () => {
    const { topics } = await raw(ApiKey.Metadata, 4, int32(-7), Buffer.of(0));
    expect(topics.map(({ name }) => name)).toContain(topic.name);
  });

  it('of the client id mean none', async () => {
    const frame = rawRequest({ apiKey: ApiKey.ApiVersions, correlationId: 1, clientId: null });
    frame.writeInt16BE(-5, 8);
    expect(await answer(ApiKey.ApiVersions, 0, frame)).toMatchObject({ errorCode: 0 });
  });

  it('of an array that cannot be null close the connection', async () => {
    await expect(raw(ApiKey.DescribeGroups, 0, int32(-3))).rejects.toThrow(/malformed.*an array, not null/);
  });
});

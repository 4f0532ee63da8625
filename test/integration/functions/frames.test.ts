import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { ANSWER_BYTES_MAX, BATCH_BYTES_MAX } from '../../../lib/doors/lambda/limits.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { assertRight } from '../../../lib/run/store-rights.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { startEngine } from '../../support/engine.ts';
import {
  answersIn,
  bodyOf,
  frameOf,
  invokeFrame,
  invokeOf,
  responseIn,
  responseOf,
  TUNNEL_ADDRESS,
} from '../../support/function-calls.ts';
import { FUNCTION_RIGHTS } from '../../support/function-rights.ts';
import { clientOf, type Functions, LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { GroupMember } from '../../support/group-member.ts';
import {
  batchOf,
  createTopic,
  fetch,
  fetchRequest,
  listOffset,
  produce,
  produceRequest,
  type TopicName,
  valuesIn,
} from '../../support/requests.ts';

let stores: ReturnType<typeof memoryStores>;
let functions: Functions;
let topic: TopicName;

beforeEach(async () => {
  stores = memoryStores({ clock: systemClock, random: systemRandom });
  functions = startFunctions({ stores });
  topic = await createTopic(clientOf(functions), 'orders', { partitions: 3 });
});

const produceFrame = (value: string, partition = 0, acks = -1) =>
  frameOf(ApiKey.Produce, 9, produceRequest(topic, batchOf([value]), { partition, acks }));

describe('frames', () => {
  it('go in and out of the functions that serve them', async () => {
    const client = clientOf(functions);
    expect(await produce(client, topic, batchOf(['a', 'b']))).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(valuesIn((await fetch(client, topic)).records)).toEqual(['a', 'b']);
    const { brokers, clusterId } = await client.ask(ApiKey.Metadata, 12, { topics: null });
    expect(brokers).toEqual([expect.objectContaining(TUNNEL_ADDRESS)]);
    expect(clusterId).toMatch(/^[\w-]{22}$/);
    const found = await client.ask(ApiKey.FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] });
    expect(found.coordinators[0]).toMatchObject({ ...TUNNEL_ADDRESS, errorCode: 0 });
    const { producerId } = await client.ask(ApiKey.InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 1,
    });
    expect(producerId).toBe(0);
  });

  it('of one envelope are appended in its order, in one entry', async () => {
    await produce(clientOf(functions), topic, batchOf(['warm']), { partition: 2 });
    functions.meters.produce.reset();
    const frames = ['a', 'b', 'c', 'd'].map((value, index) => produceFrame(value, index % 2));
    const answers = answersIn(await functions.handlers.produce(invokeOf(...frames), LAMBDA_CONTEXT), 4);
    const offsets = answers.map(
      (one) => responseOf(ApiKey.Produce, 9, one).responses[0]!.partitionResponses[0]!.baseOffset,
    );
    expect(offsets).toEqual([0, 0, 1, 1]);
    expect(functions.meters.produce.counts()).toEqual({ 'journal.put': 1 });
  });

  it('of one envelope are appended in its order by a cold instance, too', async () => {
    const cold = startFunctions({ stores });
    const frames = Array.from({ length: 30 }, (_, index) => produceFrame(`${index}`));
    const answers = answersIn(await cold.handlers.produce(invokeOf(...frames), LAMBDA_CONTEXT), 30);
    const offsets = answers.map(
      (one) => responseOf(ApiKey.Produce, 9, one).responses[0]!.partitionResponses[0]!.baseOffset,
    );
    expect(offsets).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect(cold.meters.produce.counts()).toMatchObject({ 'journal.put': 1 });
  });

  it('with acks=0 are answered with nothing', async () => {
    const event = invokeOf(produceFrame('a', 0, 0), produceFrame('b'));
    const [first, second] = answersIn(await functions.handlers.produce(event, LAMBDA_CONTEXT), 2);
    expect(first).toEqual({ kind: 'none' });
    expect(responseOf(ApiKey.Produce, 9, second).responses[0]!.partitionResponses[0]!.baseOffset).toBe(1);
    expect(await functions.handlers.produce(invokeFrame(produceFrame('c', 0, 0)), LAMBDA_CONTEXT)).toEqual({
      body: '',
    });
  });

  it('come alone as well, without an envelope', async () => {
    const answer = await functions.handlers.produce(invokeFrame(produceFrame('a')), LAMBDA_CONTEXT);
    const { responses } = responseIn(ApiKey.Produce, 9, bodyOf(answer));
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0 });
    const wait = frameOf(ApiKey.Fetch, 12, fetchRequest(topic, { offset: 1, maxWaitMs: 50 }));
    const fetched = responseIn(
      ApiKey.Fetch,
      12,
      bodyOf(await functions.handlers.fetch(invokeFrame(wait), LAMBDA_CONTEXT)),
    );
    expect(fetched.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 1 });
  });
});

describe('what is wrong', () => {
  const metadata = frameOf(ApiKey.Metadata, 12, { topics: null });

  it('with one frame of an envelope has none of it served', async () => {
    const event = invokeOf(produceFrame('a'), metadata);
    const message = 'API key 3 is served by the function admin, not by produce';
    expect(await functions.handlers.produce(event, LAMBDA_CONTEXT)).toEqual({ error: { status: 421, message } });
    expect((await fetch(clientOf(functions), topic)).highWatermark).toBe(0);
  });

  it('with a frame by itself is said with a status', async () => {
    const { produce: handler } = functions.handlers;
    expect(await handler(invokeFrame(metadata), LAMBDA_CONTEXT)).toMatchObject({ error: { status: 421 } });
    expect(await handler(invokeFrame(Buffer.from('hello')), LAMBDA_CONTEXT)).toMatchObject({ error: { status: 400 } });
    expect(await handler(invokeFrame(produceFrame('a').subarray(0, 40)), LAMBDA_CONTEXT)).toMatchObject({
      error: { status: 400, message: expect.stringContaining('malformed') },
    });
  });

  it.each([
    ['no envelope', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
    ['half an envelope', Buffer.from(invokeOf(metadata).body, 'base64').subarray(0, 40)],
  ])('%s is a 400', async (_, body) => {
    const event = { tidelog: 'frames', body: body.toString('base64') };
    expect(await functions.handlers.admin(event, LAMBDA_CONTEXT)).toMatchObject({ error: { status: 400 } });
  });

  it('without frames is answered without any: that is how a gateway finds out whether somebody is there', async () => {
    expect(answersIn(await functions.handlers.admin(invokeOf(), LAMBDA_CONTEXT), 0)).toEqual([]);
  });

  it('with a frame that cannot be read closes its connection, and no other', async () => {
    const event = invokeOf(produceFrame('a').subarray(0, 40), produceFrame('b'));
    const [broken, whole] = answersIn(await functions.handlers.produce(event, LAMBDA_CONTEXT), 2);
    expect(broken).toMatchObject({ kind: 'close', reason: expect.stringContaining('malformed') });
    expect(whole).toMatchObject({ kind: 'answer' });
  });

  it('with the settings is said when the instance starts', () => {
    expect(() => startFunctions({ environment: { TIDELOG_LINGER_MS: 'soon' } })).toThrow(/tidelog\.linger\.ms/);
  });
});

describe('sizes', () => {
  const large = { 'max.message.bytes': '10000000' };
  const batch = (bytes: number) =>
    encodeBatch([{ timestamp: Date.now(), key: null, value: Buffer.alloc(bytes, 'x') }], {});

  it('of batches are bounded by what can be fetched, and the bound is named', async () => {
    const client = clientOf(functions);
    const wide = await createTopic(client, 'wide', { configs: large });
    const refused = await produce(client, wide, batch(BATCH_BYTES_MAX));
    expect(refused).toMatchObject({ errorCode: 10, errorMessage: expect.stringContaining(`${BATCH_BYTES_MAX}`) });
    expect(await produce(client, wide, batch(BATCH_BYTES_MAX - 1_000))).toMatchObject({ errorCode: 0 });
    const { records } = await fetch(client, wide, { partitionMaxBytes: 1 });
    expect(valuesIn(records)[0]).toHaveLength(BATCH_BYTES_MAX - 1_000);
  });

  it('of answers are bounded: what is more comes with the next request', async () => {
    const client = clientOf(functions);
    for (let count = 0; count < 6; count++) await produce(client, topic, batch(900_000));
    const frame = frameOf(ApiKey.Fetch, 12, fetchRequest(topic, { partitionMaxBytes: 50_000_000 }));
    const answer = await functions.handlers.fetch(invokeOf(frame), LAMBDA_CONTEXT);
    expect(bodyOf(answer).length).toBeLessThanOrEqual(ANSWER_BYTES_MAX);
    const { records } = responseOf(ApiKey.Fetch, 12, answersIn(answer, 1)[0]).responses[0]!.partitions[0]!;
    expect(valuesIn(records)).toHaveLength(4);
  });

  it('of the answers of one envelope are bounded together: who does not fit asks again', async () => {
    const client = clientOf(functions);
    await produce(client, topic, batch(900_000));
    const frames = Array.from({ length: 8 }, () => frameOf(ApiKey.Fetch, 12, fetchRequest(topic)));
    const answer = await functions.handlers.fetch(invokeOf(...frames), LAMBDA_CONTEXT);
    expect(bodyOf(answer).length).toBeLessThanOrEqual(ANSWER_BYTES_MAX);
    const kinds = answersIn(answer, 8).map(({ kind }) => kind);
    expect(kinds).toEqual(['answer', 'answer', 'answer', 'answer', 'again', 'again', 'again', 'again']);
  });

  it('of a batch that a gateway wrote and no function can send are said to the consumer', async () => {
    const gateway = await startEngine({ stores });
    const wide = await createTopic(gateway.client, 'wide', { configs: large });
    await produce(gateway.client, wide, batch(5_000_000));
    expect(await fetch(clientOf(functions), wide)).toMatchObject({ errorCode: 10, highWatermark: 1 });
    expect(functions.lines).toContainEqual(
      expect.objectContaining({ event: 'batch_too_large_to_fetch', level: 'error', topic: 'wide', partition: 0 }),
    );
    expect(valuesIn((await fetch(gateway.client, wide)).records)[0]).toHaveLength(5_000_000);
  });
});

describe('rights', () => {
  it('are small: fetch writes nothing, produce deletes nothing', () => {
    const writes = FUNCTION_RIGHTS.fetch.filter((kind) => !/\.(get|getRange|query)$/.test(kind));
    const deletes = FUNCTION_RIGHTS.produce.filter((kind) => kind.endsWith('.delete'));
    expect({ writes, deletes }).toEqual({ writes: [], deletes: [] });
  });

  it('are kept where a checkpoint is due and where a topic was deleted', async () => {
    const client = clientOf(functions);
    for (let entry = 0; entry < 300; entry++) await produce(client, topic, batchOf([`${entry}`]));
    // The checkpoint, and before the first batch the two items of the due list.
    expect(functions.meters.produce.totals('state.put').calls).toBe(3);
    await client.ask(ApiKey.DeleteTopics, 5, { topicNames: [topic.name], timeoutMs: 1_000 });
    expect(await produce(client, topic, batchOf(['late']))).toMatchObject({ errorCode: 3 });
    expect(await fetch(client, topic)).toMatchObject({ errorCode: 3 });
    const forbidden = functions.lines.filter(({ message }) => String(message).includes('may not call'));
    expect(forbidden).toEqual([]);
  });

  it('are enough for what every function serves', async () => {
    const client = clientOf(functions);
    await produce(client, topic, batchOf(['a']));
    const resource = { resourceType: 2, resourceName: topic.name };
    const changes = [{ name: 'retention.ms', configOperation: 0, value: '1000' }];
    await client.ask(ApiKey.IncrementalAlterConfigs, 1, {
      resources: [{ ...resource, configs: changes }],
      validateOnly: false,
    });
    await client.ask(ApiKey.DescribeConfigs, 4, {
      resources: [{ ...resource, configurationKeys: null }],
      includeSynonyms: false,
      includeDocumentation: false,
    });
    const counts = [{ name: topic.name, count: 4, assignments: null }];
    await client.ask(ApiKey.CreatePartitions, 3, { topics: counts, timeoutMs: 1_000, validateOnly: false });
    await client.ask(ApiKey.DescribeLogDirs, 4, { topics: null });
    await client.ask(ApiKey.ElectLeaders, 2, { electionType: 0, topicPartitions: null, timeoutMs: 1_000 });
    await client.ask(ApiKey.DescribeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType: 1 });
    await client.ask(ApiKey.DescribeTopicPartitions, 0, {
      topics: [{ name: topic.name }],
      responsePartitionLimit: 10,
      cursor: null,
    });
    await listOffset(client, topic, -1);
    await client.ask(ApiKey.OffsetForLeaderEpoch, 4, {
      replicaId: -1,
      topics: [{ topic: topic.name, partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] }],
    });
    await client.ask(ApiKey.DeleteRecords, 2, {
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, offset: -1 }] }],
      timeoutMs: 1_000,
    });
    const member = new GroupMember(client, 'g');
    await member.enter();
    await member.leave();
    await client.ask(ApiKey.ListGroups, 4, { statesFilter: [] });
    await client.ask(ApiKey.DescribeGroups, 5, { groups: ['g'], includeAuthorizedOperations: false });
    await client.ask(ApiKey.DeleteGroups, 2, { groupsNames: ['g'] });
    await client.ask(ApiKey.DeleteTopics, 5, { topicNames: [topic.name], timeoutMs: 1_000 });
    await functions.maintain({ tidelog: 'maintain' }, LAMBDA_CONTEXT);
    expect(functions.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('end what goes beyond them', () => {
    expect(() => assertRight('fetch', FUNCTION_RIGHTS.fetch, 'journal.put')).toThrow(
      'the function fetch may not call journal.put',
    );
  });
});

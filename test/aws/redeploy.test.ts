import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { deployTo, type LocalGateway, openGateway } from '../../localstack/index.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { kafkajsClient } from '../support/kafkajs-client.ts';
import { batchOf, createTopic, fetch, produce, type TopicName, valuesIn } from '../support/requests.ts';
import { copyFunctions, otherBundles } from './function-copies.ts';
import { InvokeClient, lambdaClient } from './invoke-client.ts';
import { readByGroup } from './read-by-group.ts';

const endpoint = inject('endpoint');
const deployed = inject('deployed');
const FUNCTIONS = ['produce', 'fetch', 'coordinate', 'admin', 'rest', 'maintain', 'seal'];
const RECORDS_EACH = 60;

describe.skipIf(deployed === undefined)('a deployed Tidelog', () => {
  const { functionPrefix = '' } = deployed ?? {};
  const folder = temporaryFolder();
  let client: ReturnType<typeof lambdaClient>;
  let bundles: string;
  let direct: InvokeClient;
  let topic: TopicName;

  beforeAll(async () => {
    client = lambdaClient(deployed!);
    bundles = otherBundles(folder.path);
    direct = new InvokeClient(client, functionPrefix);
    topic = await createTopic(direct, 'lasting');
    await produce(direct, topic, batchOf(['before', 'the deployment']));
  });

  afterAll(() => {
    client?.destroy();
    folder.remove();
  });

  /** What there is of the functions, for comparing. */
  async function versionsOfFunctions() {
    const found = FUNCTIONS.map(async (name) => {
      const FunctionName = `${functionPrefix}-${name}`;
      const { CodeSha256, RevisionId } = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
      return { CodeSha256, RevisionId };
    });
    return Promise.all(found);
  }

  it('is not changed by a second deployment', async () => {
    const before = await versionsOfFunctions();
    expect(await deployTo(endpoint!)).toEqual({ ...deployed!, changed: false });
    expect(await versionsOfFunctions()).toEqual(before);
  });

  it('works with functions of an old and a new version side by side', async () => {
    const newPrefix = `${functionPrefix}-next`;
    await copyFunctions(client, { from: functionPrefix, to: newPrefix, bundles });
    const gateways: LocalGateway[] = [];
    try {
      gateways.push(await openGateway(deployed!));
      gateways.push(await openGateway({ ...deployed!, functionPrefix: newPrefix }, { by: 'lambda' }));
      const clients = gateways.map(({ bootstrapServers }) => kafkajsClient({ bootstrap: bootstrapServers }));
      const admin = clients[0]!.admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'side-by-side', numPartitions: 4 }] });
      await admin.disconnect();
      const written = clients.map(async (kafka, which) => {
        const producer = kafka.producer({ idempotent: true });
        await producer.connect();
        for (let index = 0; index < RECORDS_EACH; index += 10) {
          const values = Array.from({ length: 10 }, (_, k) => `${which === 0 ? 'old' : 'new'} ${index + k}`);
          await producer.send({ topic: 'side-by-side', messages: values.map((value) => ({ key: value, value })) });
        }
        await producer.disconnect();
      });
      await Promise.all(written);
      const count = 2 * RECORDS_EACH;
      const { values } = await readByGroup(clients, { topic: 'side-by-side', groupId: 'of-two-versions', count });
      const expected = Array.from({ length: RECORDS_EACH }, (_, index) => [`old ${index}`, `new ${index}`]).flat();
      expect(values.toSorted()).toEqual(expected.toSorted());
    } finally {
      await Promise.all(gateways.map((gateway) => gateway.close()));
    }
  });

  it('keeps its records when other functions are deployed, and goes on behind them', async () => {
    const before = await versionsOfFunctions();
    const { changed, ...rest } = await deployTo(endpoint!, { functions: bundles });
    expect(changed).toBe(true);
    expect(rest).toEqual({ ...deployed!, changed: undefined });
    const after = await versionsOfFunctions();
    for (const [index, { CodeSha256 }] of before.entries()) expect(after[index]!.CodeSha256).not.toBe(CodeSha256);
    expect(await produce(direct, topic, batchOf(['and after it']))).toMatchObject({ errorCode: 0, baseOffset: 2 });
    const { records } = await fetch(direct, topic, { offset: 0 });
    expect(valuesIn(records)).toEqual(['before', 'the deployment', 'and after it']);
  });
});

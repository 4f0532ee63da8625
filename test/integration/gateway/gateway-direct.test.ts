import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dynamoDbClient } from '../../../lib/storage/dynamodb/client.ts';
import { type BrokerProcess, startGatewayProcess } from '../../support/broker-process.ts';
import { createTables } from '../../support/create-tables.ts';
import { type DynamoDbLocal, dynamoDbLocalMissing, startDynamoDbLocal } from '../../support/dynamodb-local.ts';
import { TcpClient } from '../../support/kafka-client.ts';
import { batchOf, createTopic, fetch, produce, valuesIn } from '../../support/requests.ts';
import { type S3Fake, startS3Fake } from '../../support/s3-fake.ts';
import { have } from '../../support/tools.ts';

const missing = dynamoDbLocalMissing();
const HAVE_DYNAMODB = have('DynamoDB Local', missing === undefined, `It needs Java 17 (${missing}).`);

const TABLES = { '--journal-table': 'direct-journal', '--state-table': 'direct-state', '--bucket': 'direct-bucket' };
const flags = (given: Record<string, string> = {}) => ['--direct', ...Object.entries({ ...TABLES, ...given }).flat()];

describe.skipIf(!HAVE_DYNAMODB)('tidelog gateway --direct', () => {
  let dynamoDb: DynamoDbLocal;
  let s3: S3Fake;
  let environment: Record<string, string>;
  let gateways: BrokerProcess[] = [];

  beforeAll(async () => {
    [dynamoDb, s3] = await Promise.all([startDynamoDbLocal(), startS3Fake()]);
    const client = dynamoDbClient(dynamoDb.clientConfig);
    await createTables(client, { journalTable: TABLES['--journal-table'], stateTable: TABLES['--state-table'] });
    client.destroy();
    environment = {
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.clientConfig.endpoint,
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    };
  });

  afterEach(async () => {
    for (const gateway of gateways) if (gateway.running) await gateway.kill();
    gateways = [];
  });

  afterAll(async () => {
    await dynamoDb.stop();
    await s3.stop();
  });

  async function start(more: readonly string[] = []): Promise<BrokerProcess> {
    const gateway = await startGatewayProcess([...flags(), ...more], environment);
    gateways.push(gateway);
    return gateway;
  }

  it('serves what another one wrote, stops in order, and tells its metrics', async () => {
    const [first, second] = await Promise.all([start(), start(['--metrics-port', '0'])]);
    const [a, b] = [await TcpClient.connect(first!), await TcpClient.connect(second!)];
    const topic = await createTopic(a, 'direct');
    expect(await produce(a, topic, batchOf(['small', 'x'.repeat(20_000)]))).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    });
    expect(valuesIn((await fetch(b, topic)).records)).toEqual(['small', 'x'.repeat(20_000)]);
    const { monitoring } = second!.log.find(({ event }) => event === 'started')!;
    const metrics = await (await globalThis.fetch(`http://${monitoring}/metrics`)).text();
    expect(metrics).toContain('tidelog_open_journals 1');
    a.close();
    b.close();
    expect(await first!.stop()).toBe(0);
    expect(await second!.stop()).toBe(0);
  });

  /** Why it did not start. */
  async function refused(given: Record<string, string>, env: Record<string, string>): Promise<string> {
    const failure: unknown = await startGatewayProcess(flags(given), { ...environment, ...env }).then(
      async (gateway) => {
        await gateway.kill();
        return 'it started';
      },
      (error: unknown) => error,
    );
    return failure instanceof Error ? failure.message : String(failure);
  }

  it('says which table is not there, and where it looked', async () => {
    const why = await refused({ '--journal-table': 'no-such-table' }, {});
    expect(why).toContain('There is no table no-such-table in us-east-1. Check --journal-table');
    expect(why).not.toContain('--state-table');
  });

  it('says when there are no credentials, or no region', async () => {
    const nobody = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
    expect(await refused({}, nobody)).toContain('There are no AWS credentials');
    expect(await refused({}, { AWS_REGION: '' })).toContain('The AWS region of the tables is not known');
  });

  it('says when AWS cannot be reached', async () => {
    const why = await refused({}, { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' });
    expect(why).toMatch(/DynamoDB in us-east-1 cannot be asked for the table direct-journal: .*ECONNREFUSED/);
  });

  describe('with an S3 that refuses', () => {
    let server: Server;
    let answer: { status: number; code: string };

    beforeAll(async () => {
      server = createServer((request, response) => {
        const { status, code } = answer;
        request.resume();
        response
          .writeHead(status, { 'content-type': 'application/xml' })
          .end(`<Error><Code>${code}</Code><Message>said ${code}</Message></Error>`);
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
    });

    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    it.each([
      [404, 'NoSuchBucket', 'There is no bucket direct-bucket'],
      [403, 'AccessDenied', 'may not read the bucket direct-bucket'],
      [403, 'InvalidAccessKeyId', 'S3 does not take the AWS credentials'],
      [400, 'ExpiredToken', 'The AWS credentials have run out'],
      [301, 'PermanentRedirect', 'is not in us-east-1'],
    ])('%i %s', async (status, code, message) => {
      answer = { status, code };
      const { port } = server.address() as AddressInfo;
      expect(await refused({}, { AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` })).toContain(message);
    });
  });
});

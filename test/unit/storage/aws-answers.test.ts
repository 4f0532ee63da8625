import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { dynamoDbClient } from '../../../lib/storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../../../lib/storage/dynamodb/table.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { openS3Blobs } from '../../../lib/storage/s3/blobs.ts';
import { s3Client } from '../../../lib/storage/s3/client.ts';
import { STAND_IN_CONFIG } from '../../support/aws-targets.ts';
import { scaled } from '../../support/machine.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const DATE = 'Sat, 31 Jan 2026 23:59:59 GMT';
const STORE_TIME = Date.UTC(2026, 0, 31, 23, 59, 59);
const ITEM = { pk: 'p', sk: 's', version: 1, nonce: 'n', body: Buffer.from('b') };

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server that gives the answers it was told to, the last one for ever. */
let answers: Answer[];
let requests: IncomingMessage[];
const server = createServer((request, response) => {
  requests.push(request);
  request.resume();
  response.setHeader('date', DATE);
  const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
  request.on('end', () => answer(response, request));
});
let endpoint: string;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
beforeEach(() => {
  requests = [];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const json =
  (status: number, body: object): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
const failure = (status: number, type: string, message = 'why') =>
  json(status, { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message });
const hangUp: Answer = (response) => response.socket!.destroy();
const never: Answer = () => undefined;

const table = (at = endpoint) =>
  openDynamoDbTable({
    client: dynamoDbClient({ ...STAND_IN_CONFIG, endpoint: at }),
    tableName: 't',
    clock: systemClock,
    random: seededRandom(1),
  });
const blobs = (at = endpoint) =>
  openS3Blobs({
    client: s3Client({ ...STAND_IN_CONFIG, endpoint: at, forcePathStyle: true }),
    bucket: 'b',
    prefix: '',
    clock: systemClock,
    random: seededRandom(1),
  });

describe('DynamoDB: what an answer means for a write', () => {
  const existing = { pk: { S: 'p' }, sk: { S: 's' }, v: { N: '7' }, n: { S: 'other' }, b: { B: 'AP8=' } };
  const conditionFailed = (Item?: object) =>
    json(400, { __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException', message: 'no', Item });
  const cases: readonly [string, Answer, object][] = [
    ['success', json(200, {}), { kind: 'committed', storeTime: STORE_TIME }],
    [
      'the condition failed',
      conditionFailed(existing),
      {
        kind: 'conflict',
        existing: { pk: 'p', sk: 's', version: 7, nonce: 'other', body: Buffer.from([0, 255]) },
        storeTime: STORE_TIME,
      },
    ],
    ['the condition met nothing', conditionFailed(), { kind: 'conflict', existing: undefined, storeTime: STORE_TIME }],
    ['throttling', failure(400, 'ThrottlingException'), { kind: 'refused', reason: 'throttled' }],
    ['throughput', failure(400, 'ProvisionedThroughputExceededException'), { kind: 'refused', reason: 'throttled' }],
    ['request limit', failure(400, 'RequestLimitExceeded'), { kind: 'refused', reason: 'throttled' }],
    [
      'another region writes it',
      failure(400, 'ReplicatedWriteConflictException'),
      { kind: 'refused', reason: 'throttled' },
    ],
    [
      'too large',
      failure(400, 'ValidationException', 'Item size has exceeded the maximum allowed size'),
      { kind: 'refused', reason: 'tooLarge' },
    ],
    ['not valid', failure(400, 'ValidationException', 'no'), { kind: 'refused', reason: 'rejected' }],
    ['not allowed', failure(400, 'AccessDeniedException'), { kind: 'refused', reason: 'rejected' }],
    [
      'old signature',
      failure(400, 'InvalidSignatureException', 'Signature expired'),
      { kind: 'refused', reason: 'expired' },
    ],
    ['old credentials', failure(400, 'ExpiredTokenException'), { kind: 'refused', reason: 'unavailable' }],
    ['no such table', failure(400, 'ResourceNotFoundException'), { kind: 'refused', reason: 'unavailable' }],
    ['500', failure(500, 'InternalServerError'), { kind: 'unknown' }],
    ['503', failure(503, 'ServiceUnavailable'), { kind: 'unknown' }],
    ['502 of something in between', (response) => response.writeHead(502).end('<html>'), { kind: 'unknown' }],
    ['a lost connection', hangUp, { kind: 'unknown' }],
    ['no answer in time', never, { kind: 'unknown' }],
  ];
  it.each(cases)('%s', async (_, answer, expected) => {
    answers = [answer];
    const options = { timeoutMs: answer === never ? 50 : 5_000 };
    expect(await table().put(ITEM, { kind: 'absent' }, options)).toMatchObject(expected);
    expect(await table().delete('p', 's', 1, options)).toMatchObject(expected);
    // One attempt each, whatever came of it.
    expect(requests).toHaveLength(2);
  });

  it('no connection at all', async () => {
    expect(await table('http://127.0.0.1:1').put(ITEM, { kind: 'absent' })).toMatchObject({
      kind: 'refused',
      reason: 'unavailable',
    });
  });

  it('learns the time from errors too', async () => {
    answers = [failure(400, 'ThrottlingException')];
    const store = table();
    expect(store.now()).toBeNaN();
    await store.put(ITEM, { kind: 'absent' });
    expect(store.now() - STORE_TIME).toBeGreaterThanOrEqual(0);
    expect(store.now() - STORE_TIME).toBeLessThan(scaled(5_000));
  });

  it('does not send what would be signed too late', async () => {
    answers = [json(200, {})];
    const signedAround = systemClock.now();
    const stale = await table().put(ITEM, { kind: 'absent' }, { signBefore: signedAround - 1_000 });
    expect(stale).toMatchObject({ kind: 'refused', reason: 'stale' });
    expect(requests).toHaveLength(0);
    await table().put(ITEM, { kind: 'absent' }, { signBefore: signedAround + 60_000 });
    expect(requests).toHaveLength(1);
  });

  it('refuses to work with a client that repeats writes by itself', async () => {
    const client = dynamoDbClient({ ...STAND_IN_CONFIG, endpoint });
    client.config.maxAttempts = async () => 3;
    const store = openDynamoDbTable({ client, tableName: 't', clock: systemClock, random: seededRandom(1) });
    await expect(store.put(ITEM, { kind: 'absent' })).rejects.toThrow('dynamoDbClient()');
  });
});

describe('reads', () => {
  it('are tried again after what may pass', async () => {
    answers = [failure(400, 'ThrottlingException'), hangUp, failure(500, 'InternalServerError'), json(200, {})];
    expect(await table().get('p', 's', true)).toEqual({ item: undefined, storeTime: expect.any(Number) });
    expect(requests).toHaveLength(4);
  });

  it.each([
    ['throttling that lasts', failure(400, 'ThrottlingException'), 4],
    ['what does not pass', failure(400, 'AccessDeniedException'), 1],
  ])('fail after %s', async (_, answer, attempts) => {
    answers = [answer];
    await expect(table().query({ pk: 'p', consistent: true })).rejects.toThrow(StoreUnavailableError);
    expect(requests).toHaveLength(attempts);
  });
});

describe('requests', () => {
  it('say whose they are', async () => {
    answers = [(response) => response.end('{}')];
    await table().get('p', 's', true);
    await blobs().put('k', [Buffer.from('x')]);
    expect(requests).toHaveLength(2);
    for (const { headers } of requests) expect(headers['user-agent']).toMatch(/(^| )tidelog\/\d+\.\d+\.\d+( |$)/);
  });
});

describe('S3: what an answer means for a put', () => {
  const xml =
    (status: number, code: string): Answer =>
    (response) =>
      response.writeHead(status).end(`<Error><Code>${code}</Code><Message>why</Message></Error>`);
  const cases: readonly [string, Answer, object][] = [
    ['success', (response) => response.end(), { kind: 'stored', storeTime: STORE_TIME }],
    ['slow down', xml(503, 'SlowDown'), { kind: 'refused', reason: 'throttled' }],
    ['clock too far off', xml(403, 'RequestTimeTooSkewed'), { kind: 'refused', reason: 'expired' }],
    ['too large', xml(400, 'EntityTooLarge'), { kind: 'refused', reason: 'tooLarge' }],
    ['not allowed', xml(403, 'AccessDenied'), { kind: 'refused', reason: 'rejected' }],
    ['500', xml(500, 'InternalError'), { kind: 'unknown' }],
    ['a lost connection', hangUp, { kind: 'unknown' }],
  ];
  it.each(cases)('%s', async (_, answer, expected) => {
    answers = [answer];
    expect(await blobs().put('k', [Buffer.from('x')])).toMatchObject(expected);
    expect(requests).toHaveLength(1);
  });

  it('no connection at all', async () => {
    expect(await blobs('http://127.0.0.1:1').put('k', [])).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    await expect(blobs('http://127.0.0.1:1').get('k')).rejects.toThrow(StoreUnavailableError);
  });
});

import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { dynamoDbClient } from '../../../lib/storage/dynamodb/client.ts';
import { openDynamoDbTable, TABLE_REQUESTS_MAX } from '../../../lib/storage/dynamodb/table.ts';
import type { PutOutcome } from '../../../lib/storage/ports.ts';
import { openS3Blobs } from '../../../lib/storage/s3/blobs.ts';
import { s3Client } from '../../../lib/storage/s3/client.ts';
import { STAND_IN_CONFIG } from '../../support/aws-targets.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** A service that hands each request to `answer` once it has read it, and tells how many came. */
async function service(answer: (response: ServerResponse) => void) {
  const counts = { requests: 0 };
  const server = createServer((request, response) => {
    counts.requests++;
    response.setHeader('date', new Date().toUTCString());
    request.resume().on('end', () => answer(response));
  });
  return { endpoint: await listening(server), counts };
}

const answerAfter = (delayMs: number, body: string) => (response: ServerResponse) => {
  setTimeout(() => response.writeHead(200).end(body), delayMs);
};

function tableAt(endpoint: string) {
  const client = dynamoDbClient({ ...STAND_IN_CONFIG, endpoint });
  closers.push(() => client.destroy());
  return openDynamoDbTable({ client, tableName: 't', clock: systemClock, random: seededRandom(1) });
}

function blobsAt(endpoint: string) {
  const client = s3Client({ ...STAND_IN_CONFIG, endpoint, forcePathStyle: true });
  closers.push(() => client.destroy());
  return openS3Blobs({ client, bucket: 'b', prefix: '', clock: systemClock, random: seededRandom(1) });
}

const item = (number: number) => ({
  pk: 'p',
  sk: `${number}`,
  version: 1,
  nonce: `n${number}`,
  body: Buffer.from('b'),
});
const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

function tally(outcomes: readonly PutOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    const what = outcome.kind === 'refused' ? `refused: ${outcome.reason}` : outcome.kind;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

describe('many requests to a slow service at once', () => {
  it('200 puts of items are all answered, each after 300 ms', async () => {
    const { endpoint } = await service(answerAfter(300, '{}'));
    const table = tableAt(endpoint);
    const outcomes = await Promise.all(numbers(200).map((number) => table.put(item(number), { kind: 'absent' })));
    expect(tally(outcomes)).toEqual({ committed: 200 });
  });

  it('200 puts of objects are all answered, each after 300 ms', async () => {
    const { endpoint } = await service(answerAfter(300, ''));
    const blobs = blobsAt(endpoint);
    const outcomes = await Promise.all(numbers(200).map((number) => blobs.put(`k${number}`, [Buffer.from('b')])));
    expect(outcomes.filter(({ kind }) => kind === 'stored')).toHaveLength(200);
  });

  it('200 reads are all answered, each after 300 ms', async () => {
    const { endpoint, counts } = await service(answerAfter(300, '{}'));
    const table = tableAt(endpoint);
    await Promise.all(numbers(200).map((number) => table.get('p', `${number}`, true)));
    // None was given up and made again.
    expect(counts.requests).toBe(200);
  });
});

describe('a service that does not answer', () => {
  it('leaves the outcome of what was sent unknown, and refuses what was never sent', async () => {
    const { endpoint, counts } = await service(() => undefined);
    const table = tableAt(endpoint);
    const puts = numbers(TABLE_REQUESTS_MAX + 20).map((number) =>
      table.put(item(number), { kind: 'absent' }, { timeoutMs: 3_000 }),
    );
    const outcomes = await Promise.all(puts);
    expect(tally(outcomes)).toEqual({ unknown: TABLE_REQUESTS_MAX, 'refused: unavailable': 20 });
    expect(counts.requests).toBe(TABLE_REQUESTS_MAX);
  });

  it('is unavailable where it takes a connection and never ends the TLS handshake', async () => {
    const server = createTcpServer((socket) => socket.on('error', () => undefined));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    const table = tableAt(`https://127.0.0.1:${(server.address() as { port: number }).port}`);
    const outcome = await table.put(item(1), { kind: 'absent' });
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'unavailable' });
  });
});

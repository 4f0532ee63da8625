import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { lambdaTransport } from '../../../../lib/doors/tunnel/lambda-transport.ts';
import { type CallOutcome, LONE_REQUESTS_MAX } from '../../../../lib/doors/tunnel/transport.ts';
import { scaled } from '../../../support/machine.ts';

const JOIN = Buffer.from('join');
const HEARTBEAT = Buffer.from('heartbeat');

/** A request that nothing holds up takes milliseconds; this is what a slow machine may take. */
const SOON_MS = scaled(3_000);

/** Stands in for Lambda: holds calls with JOIN in them until `release` is called, and answers the others at once. */
function holdingLambda() {
  const held: ServerResponse[] = [];
  const userAgents: (string | undefined)[] = [];
  const answer = (response: ServerResponse) =>
    response.end(JSON.stringify({ body: Buffer.from('done').toString('base64') }));
  const server = createServer(async (request, response) => {
    userAgents.push(request.headers['user-agent']);
    const { body } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { body: string };
    if (Buffer.from(body, 'base64').equals(JOIN)) held.push(response);
    else answer(response);
  });
  return { server, held, userAgents, release: () => held.splice(0).forEach(answer) };
}

let lambda: ReturnType<typeof holdingLambda>;

beforeEach(async () => {
  lambda = holdingLambda();
  lambda.server.listen(0, '127.0.0.1');
  await once(lambda.server, 'listening');
  const { port } = lambda.server.address() as { port: number };
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', `http://127.0.0.1:${port}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  lambda.server.closeAllConnections();
  lambda.server.close();
});

const transport = () =>
  lambdaTransport({
    prefix: 'tidelog',
    region: 'us-east-1',
    credentials: async () => ({ accessKeyId: 'test', secretAccessKey: 'test' }),
  });

it.each([60, LONE_REQUESTS_MAX - 1])('%i joins that wait do not hold up a heartbeat', async (count) => {
  const { call, close } = await transport();
  const joins = Array.from({ length: count }, () => call('coordinate', JOIN));
  await vi.waitUntil(() => lambda.held.length === count, { timeout: scaled(10_000) });
  const late = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), SOON_MS));
  const outcome: CallOutcome | 'late' = await Promise.race([call('coordinate', HEARTBEAT), late]);
  expect(outcome).toEqual({ kind: 'answered', body: Buffer.from('done') });
  lambda.release();
  const kinds = (await Promise.all(joins)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'answered')).toHaveLength(count);
  close();
});

it('says whose requests they are', async () => {
  const { call, close } = await transport();
  await call('coordinate', HEARTBEAT);
  expect(lambda.userAgents).toEqual([expect.stringMatching(/(^| )tidelog\/\d+\.\d+\.\d+( |$)/)]);
  close();
});

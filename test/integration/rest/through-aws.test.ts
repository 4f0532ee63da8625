import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ANSWER_BYTES_MAX, BATCH_BYTES_MAX } from '../../../lib/doors/lambda/limits.ts';
import { type Functions, LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { restClient } from '../../support/rest-client.ts';
import { KEYS, SCOPE, type SignedFront, startSignedFront } from '../../support/signed-front.ts';
import { have } from '../../support/tools.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/REST.md'), 'utf8');
const HAS_CURL = have('curl', spawnSync('curl', ['--version']).status === 0, 'Install it (apt-get install curl).');

let functions: Functions;
let front: SignedFront;

beforeAll(async () => {
  functions = startFunctions();
  front = await startSignedFront((event) => functions.rest(event, LAMBDA_CONTEXT));
});

afterAll(() => front.close());
afterEach(() => vi.unstubAllEnvs());

const environment = (secret = KEYS.secret) => ({
  AWS_REGION: SCOPE.region,
  AWS_ACCESS_KEY_ID: KEYS.id,
  AWS_SECRET_ACCESS_KEY: secret,
  REST_URL: front.url,
});

/** What a shell printed, and how it ended. */
async function run(script: string, env: Readonly<Record<string, string>>) {
  const shell = spawn('bash', ['-eo', 'pipefail', '-c', script], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  shell.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const [code] = (await once(shell, 'close')) as [number | null];
  return { code, out };
}

describe('through AWS', () => {
  it.skipIf(!HAS_CURL)('the commands of docs/REST.md work with signatures, and with wrong ones do not', async () => {
    const [, script] = /```bash\n(.*?)```/s.exec(page) ?? [];
    expect(script).toContain('--aws-sigv4');
    const { code, out } = await run(script!, environment());
    expect(code).toBe(0);
    expect(out).toContain('[{"topic":"orders","key":"customer-7","value":{"total":3},"partition":0,"offset":0}]');
    expect((await run(script!, environment('wrong'))).code).not.toBe(0);
  });

  it('the example of a Lambda function produces with a signature, and once if it is called again', async () => {
    for (const [name, value] of Object.entries(environment())) vi.stubEnv(name, value);
    vi.stubEnv('TOPIC', 'from-lambda');
    const { handler } = await import('../../../examples/rest/lambda-produce.ts');
    const context = { awsRequestId: 'a0a0' };
    expect(await handler({ detail: 'first' }, context)).toMatchObject({ partition: 0, offset: 0 });
    expect(await handler({ detail: 'first' }, context)).toMatchObject({ partition: 0, offset: 0 });
    expect(await handler({ detail: 'second' }, { awsRequestId: 'b1b1' })).toMatchObject({ offset: 1 });
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong');
    await expect(handler({}, context)).rejects.toThrow(/^403 .*signature/);
    const keys = { accessKeyId: KEYS.id, secretAccessKey: KEYS.secret };
    const send = restClient(front.url, { service: 'execute-api', region: SCOPE.region, keys });
    await send('POST', '/consumers/readers', { name: 'me', format: 'json', 'auto.offset.reset': 'earliest' });
    const me = '/consumers/readers/instances/me';
    await send('POST', `${me}/subscription`, { topics: ['from-lambda'] });
    const { json } = await send('GET', `${me}/records`);
    expect(json.map(({ value }: { value: object }) => value)).toEqual([{ detail: 'first' }, { detail: 'second' }]);
  });

  it('the limits and prices of docs/REST.md are those that there are', () => {
    expect(page).toContain(`| body of a request | ${ANSWER_BYTES_MAX / 1e6} MB |`);
    expect(page).toContain(`| one record batch | ${BATCH_BYTES_MAX.toLocaleString('en')} bytes`);
    const perGbSecond = 0.0000133334;
    const gigabytes = 0.5;
    expect(page).toContain(`$${(perGbSecond * gigabytes * 0.02 * 1e6).toFixed(2)} for each 20 ms`);
    expect(page).toContain(`$${(perGbSecond * gigabytes * 1e6).toFixed(2)} per million seconds at 512 MB`);
  });
});

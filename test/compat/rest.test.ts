import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { kcat } from '../support/kcat.ts';
import { have, haveKcat } from '../support/tools.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples/rest');
const PYTHON = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import requests']).status === 0,
);
const HAS_KCAT = haveKcat();
const HAS_CURL = have('curl', spawnSync('curl', ['--version']).status === 0, 'Install it (apt-get install curl).');
const HAS_REQUESTS = have("Python's requests", PYTHON !== undefined, 'Install it (apt-get install python3-requests).');

// biome-ignore lint/suspicious/noExplicitAny: each test knows the form of the answer that it asks for
const jsonOf = (answer: Response): Promise<any> => answer.json();

/** Real clients of both kinds on one broker: what one writes, the other reads. */
describe('REST beside Kafka clients', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let rest = '';

  beforeAll(async () => {
    broker = await startBrokerProcess(join(folder.path, 'data'));
    rest = String(broker.log.find(({ event }) => event === 'started')!.rest);
  });

  afterAll(async () => {
    await broker?.stop();
    folder.remove();
  });

  const cluster = async () => (await jsonOf(await fetch(`${rest}/v3/clusters`))).data[0].cluster_id;

  it.skipIf(!HAS_KCAT)('kcat reads what REST produced: key, headers, timestamp, partition', async () => {
    const record = {
      key: { type: 'STRING', data: 'customer-7' },
      value: { type: 'JSON', data: { total: 3 } },
      headers: [{ name: 'source', value: 'd2Vi' }],
      timestamp: '2026-02-05T19:14:42Z',
    };
    const posted = await fetch(`${rest}/v3/clusters/${await cluster()}/topics/from-rest/records`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(record),
    });
    expect((await jsonOf(posted)).error_code).toBe(200);
    const shown = await kcat(broker, ['-C', '-e', '-q', '-t', 'from-rest', '-f', '%p %o %T %k %h %s\n']);
    expect(shown.toString()).toBe(`0 0 ${Date.parse(record.timestamp)} customer-7 source=web {"total":3}\n`);
  });

  it.skipIf(!HAS_KCAT)('REST reads what kcat produced, compressed or not, and both share a group', async () => {
    await kcat(broker, ['-P', '-t', 'from-kcat', '-k', 'a', '-z', 'lz4'], { stdin: 'one\ntwo\n' });
    const v2 = { 'Content-Type': 'application/vnd.kafka.v2+json' };
    const create = { name: 'me', format: 'binary', 'auto.offset.reset': 'earliest' };
    await fetch(`${rest}/consumers/shared`, { method: 'POST', headers: v2, body: JSON.stringify(create) });
    const me = `${rest}/consumers/shared/instances/me`;
    await fetch(`${me}/subscription`, { method: 'POST', headers: v2, body: '{"topics": ["from-kcat"]}' });
    const read = await jsonOf(await fetch(`${me}/records`));
    const text = (base64: string) => Buffer.from(base64, 'base64').toString();
    expect(read.map(({ key, value }: { key: string; value: string }) => [text(key), text(value)])).toEqual([
      ['a', 'one'],
      ['a', 'two'],
    ]);
    expect((await fetch(me, { method: 'DELETE' })).status).toBe(204);

    await kcat(broker, ['-P', '-t', 'from-kcat'], { stdin: 'three\n' });
    const rest2 = await kcat(broker, ['-G', 'shared', '-e', '-q', '-X', 'auto.offset.reset=earliest', 'from-kcat']);
    expect(rest2.toString()).toBe('three\n');
  });

  it.skipIf(!HAS_CURL)('the example with curl works', async () => {
    expect(await run('bash', [join(EXAMPLES, 'produce-and-consume.sh'), rest])).toBe(
      '[{"topic":"greetings","key":"a","value":{"hello":"world"},"partition":0,"offset":0}]\n',
    );
  });

  it.skipIf(!HAS_REQUESTS)("the example with Python's requests works", async () => {
    expect(await run(PYTHON!, ['-B', join(EXAMPLES, 'orders.py'), rest])).toBe('c-1 3\nc-1 4\nc-1 5\n');
  });
});

/** What a program wrote. Throws unless it exits with 0. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let complaints = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaints}`);
  return out;
}

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { pythonWith } from '../support/python-venv.ts';
import { have } from '../support/tools.ts';

/**
 * A client of PyPI for Confluent's REST Proxy v3. Its calls for consumers of v2 accept `application/json` alone, which
 * Confluent's refuses as well. The other clients of PyPI and npm that still install (kafka-rest and kafka-rest-client on
 * PyPI, kafka-rest on npm) speak v1 only, which Confluent's proxy has no longer.
 */
const client = await pythonWith('kafka-mcp', '1.0.1', ['agent-utilities==1.26.4']);
const HAS_CLIENT = have('kafka-mcp', client.kind === 'installed', client.kind === 'missing' ? client.reason : '');
const SCRIPT = join(import.meta.dirname, 'python/kafka_rest_client.py');

describe.skipIf(!HAS_CLIENT)("a client for Confluent's REST Proxy", () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;

  beforeAll(async () => {
    broker = await startBrokerProcess(join(folder.path, 'data'));
  });

  afterAll(async () => {
    await broker?.stop();
    folder.remove();
  });

  it('creates, configures, produces, and tells of groups', async () => {
    const rest = String(broker.log.find(({ event }) => event === 'started')!.rest);
    const v2 = async (path: string, body: unknown) => {
      const headers = { 'Content-Type': 'application/vnd.kafka.v2+json' };
      const answer = await fetch(rest + path, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(answer.ok, await answer.text()).toBe(true);
    };
    await v2('/consumers/readers', { name: 'one', 'auto.offset.reset': 'earliest' });
    await v2('/consumers/readers/instances/one/subscription', { topics: ['clients'] });
    const { python } = client as { readonly python: string };
    const { stdout } = await promisify(execFile)(python, ['-B', SCRIPT, rest]);
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({
      topics: ['clients'],
      topic: 2,
      partitions: [0, 1],
      configs: ['3600000', '100000'],
      brokers: [0],
      produced: 1,
      groups: ['readers'],
      members: ['one'],
      state: 'STABLE',
      after: [],
    });
  });
});

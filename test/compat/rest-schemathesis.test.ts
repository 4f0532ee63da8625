import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { pythonWith } from '../support/python-venv.ts';
import { runs } from '../support/runs.ts';
import { have } from '../support/tools.ts';

const schemathesis = await pythonWith('schemathesis', '4.32.5');
const HAS_SCHEMATHESIS = have(
  'schemathesis',
  schemathesis.kind === 'installed',
  schemathesis.kind === 'missing' ? schemathesis.reason : '',
);

/** A stream of events has no end: it has tests of its own. */
const LEFT_OUT = ['--exclude-path-regex', 'records:stream'];
const CHECKS = [
  'not_a_server_error',
  'response_schema_conformance',
  'content_type_conformance',
  'status_code_conformance',
].join(',');

/** schemathesis makes requests of the OpenAPI document, right and wrong ones, and looks at the answers. */
describe.skipIf(!HAS_SCHEMATHESIS)('schemathesis with /openapi.json', () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());

  it('finds no 5xx and no answer outside of the document', async () => {
    const broker = await startBrokerProcess(join(folder.path, 'data'));
    try {
      const rest = String(broker.log.find(({ event }) => event === 'started')!.rest);
      const listed = (await (await fetch(`${rest}/v3/clusters`)).json()) as { data: { cluster_id: string }[] };
      const clusterId = listed.data[0]!.cluster_id;
      const post = async (path: string, type: string, body: unknown) => {
        const answer = await fetch(rest + path, {
          method: 'POST',
          headers: { 'Content-Type': type },
          body: JSON.stringify(body),
        });
        expect(answer.ok, await answer.text()).toBe(true);
      };
      const v2 = 'application/vnd.kafka.v2+json';
      await post(`/v3/clusters/${clusterId}/topics`, 'application/json', { topic_name: 'known', partitions_count: 2 });
      await post('/consumers/g', v2, { name: 'me', 'auto.offset.reset': 'earliest' });
      await post('/consumers/g/instances/me/subscription', v2, { topics: ['known'] });
      // With names that exist, so that requests come further than to a 404.
      const config = join(folder.path, 'schemathesis.toml');
      const parameters = [
        `"path.cluster_id" = ["${clusterId}", "another"]`,
        '"path.topic_name" = ["known", "absent"]',
        '"path.group_name" = "g"',
        '"path.consumer_group_id" = "g"',
        '"path.instance" = "me"',
        '"path.partition_id" = ["0", "1", "9"]',
        '"path.broker_id" = "0"',
      ];
      writeFileSync(config, `[parameters]\n${parameters.join('\n')}\n`);
      const { code, out } = await run(folder.path, [
        ...['--config-file', config, 'run', `${rest}/openapi.json`, ...LEFT_OUT, '--checks', CHECKS],
        ...['--max-examples', String(runs(30)), '--phases', 'coverage,fuzzing', '--seed', '1'],
        ...['--generation-database', 'none', '--request-timeout', '30', '--no-color'],
      ]);
      expect(code, out).toBe(0);
      expect(out).toMatch(/Tested: \d+/);
      expect(broker.log.filter(({ level }) => level === 'error')).toEqual([]);
    } finally {
      await broker.stop();
    }
  });
});

/** It leaves files of its own where it runs. */
async function run(
  cwd: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly out: string }> {
  const python = (schemathesis as { readonly python: string }).python;
  const child = spawn(python, ['-m', 'schemathesis.cli', ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      out += chunk;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out };
}

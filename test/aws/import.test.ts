import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { lastOffset } from '../../lib/records/batch.ts';
import type { Tidelog } from '../../lib/run/start.ts';
import { type LocalGateway, openGateway } from '../../localstack/index.ts';
import { cliOf, startMemoryTidelog } from '../integration/cli/cli-run.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { withoutSettings } from '../support/environment.ts';
import { filesIn } from '../support/files-in.ts';
import { scaled } from '../support/machine.ts';
import { programArguments } from '../support/programs.ts';
import { batchesIn, batchOf, fetch, produce } from '../support/requests.ts';
import { InvokeClient, lambdaClient } from './invoke-client.ts';

const deployed = inject('deployed');
const TIMEOUT_MS = scaled(120_000);
const PARTITIONS = 3;
const RECORDS = 900;

describe.skipIf(deployed === undefined)('segments import into the tables and the bucket', () => {
  const folder = temporaryFolder();
  const source = join(folder.path, 'source');
  let lambda: ReturnType<typeof lambdaClient>;
  let direct: InvokeClient;
  let gateway: LocalGateway;
  /** What the copy has to read as. */
  let expected: readonly string[];
  /** Records in the files: whole batches, also of one that the log start divides. */
  let records: number;

  const readAll = async (cli: ReturnType<typeof cliOf>) => {
    const run = await cli(['consume', 'copied', '--from-beginning', '--until-end', '--json']);
    expect(run).toMatchObject({ exitCode: 0, err: '' });
    return run.out.split('\n').sort();
  };

  beforeAll(async () => {
    const { functionPrefix } = deployed!;
    lambda = lambdaClient(deployed!);
    direct = new InvokeClient(lambda, functionPrefix);
    gateway = await openGateway(deployed!);
    const tidelog: Tidelog = await startMemoryTidelog();
    try {
      const cli = cliOf(() => tidelog.bootstrapServers);
      await cli(['topics', 'create', 'copied', '-p', String(PARTITIONS)]);
      const input = Array.from({ length: RECORDS }, (_, index) => `key ${index}\tvalue ${index} ${'x'.repeat(200)}\n`);
      const args = ['produce', 'copied', '-K', '\t', '-H', 'made=here', '-z', 'gzip', '--batch-size', '4000'];
      expect(await cli(args, { input: input.join('') })).toMatchObject({ exitCode: 0 });
      await cli(['topics', 'delete-records', 'copied', '--before-offset', '20', '--partition', '1']);
      expected = await readAll(cli);
      records = JSON.parse((await cli(['segments', 'export', 'copied', source, '--json'])).out).records;
    } finally {
      await tidelog.close();
    }
  }, TIMEOUT_MS);

  afterAll(async () => {
    await gateway?.close();
    lambda?.destroy();
    folder.remove();
  });

  /** The command as a user gives it, with the endpoint's credentials. */
  async function imported() {
    const { journalTable, stateTable, bucket, environment } = deployed!;
    const stores = ['--journal-table', journalTable, '--state-table', stateTable, '--bucket', bucket];
    const args = ['segments', 'import', source, 'copied', '--store', 'aws', ...stores, '--json'];
    const command = [...programArguments('lib/cli/main.ts'), ...args, '--log-level', 'error'];
    const env = { ...withoutSettings(process.env), ...environment };
    return promisify(execFile)(process.execPath, command, { env });
  }

  it(
    'makes a topic that the functions serve: the same records, offsets and files',
    async () => {
      const { stdout } = await imported();
      expect(JSON.parse(stdout)).toMatchObject({ topic: 'copied', partitions: PARTITIONS, records, gaps: [] });
      const cli = cliOf(() => gateway.bootstrapServers);
      expect(await readAll(cli)).toEqual(expected);
      expect(expected.length).toBeGreaterThan(RECORDS - 30);
      expect(records).toBeGreaterThanOrEqual(expected.length - 1);
      const again = join(folder.path, 'again');
      expect(await cli(['segments', 'export', 'copied', again])).toMatchObject({ exitCode: 0, err: '' });
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const logs = (dir: string) => {
          const files = filesIn(join(dir, `copied-${partition}`));
          return Object.entries(files).filter(([name]) => /\.(log|index|timeindex)$/.test(name));
        };
        expect(logs(again)).toEqual(logs(source));
      }
      expect(readdirSync(again)).toContain('log-start-offset-checkpoint');
    },
    TIMEOUT_MS,
  );

  it(
    'takes records behind the imported ones, and is refused for a topic that exists',
    async () => {
      const [described] = JSON.parse(
        (await cliOf(() => gateway.bootstrapServers)(['topics', 'describe', 'copied', '--json'])).out,
      );
      const topic = { name: 'copied', id: described.id };
      const { endOffset } = described.partitions[2];
      expect(await produce(direct, topic, batchOf(['more']), { partition: 2 })).toMatchObject({
        errorCode: 0,
        baseOffset: endOffset,
      });
      const { records } = await fetch(direct, topic, { partition: 2, offset: endOffset });
      expect(batchesIn(records).map(({ header }) => lastOffset(header))).toEqual([endOffset]);
      await expect(imported()).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('TOPIC_ALREADY_EXISTS'),
      });
    },
    TIMEOUT_MS,
  );
});

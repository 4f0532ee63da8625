import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { temporaryFolder } from '../support/broker-process.ts';
import { GroupMember } from '../support/group-member.ts';
import { scaled } from '../support/machine.ts';
import { pythonWith } from '../support/python-venv.ts';
import { have } from '../support/tools.ts';
import { InvokeClient, lambdaClient } from './invoke-client.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/FUNCTIONS.md'), 'utf8');
const deployed = inject('deployed');
const run = promisify(execFile);
const HAS_CURL = have('curl', spawnSync('curl', ['--version']).status === 0, 'Install it (apt-get install curl).');
const BOTO3 = '1.44.8';

describe.skipIf(deployed === undefined)('the programs of docs/FUNCTIONS.md that call a function', () => {
  const folder = temporaryFolder();
  const { functionPrefix = '', via = '' } = deployed ?? {};
  const environment: Readonly<Record<string, string>> = deployed?.environment ?? {};
  const env = {
    ...process.env,
    ...environment,
    // boto3 has another name for it than the other SDKs.
    AWS_DEFAULT_REGION: environment.AWS_REGION,
    API_URL: via,
    NODE_NO_WARNINGS: '1',
  };
  let client: ReturnType<typeof lambdaClient>;

  /** The block of a language, for the functions of this deployment. */
  const programOf = (language: string): string => {
    const [, text] = new RegExp(`## Calling a function.*?\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(page)!;
    return text!.replace('tidelog-coordinate', `${functionPrefix}-coordinate`);
  };
  const saved = (name: string, text: string): string => {
    writeFileSync(join(folder.path, name), text);
    return join(folder.path, name);
  };
  let answer: string;

  beforeAll(async () => {
    client = lambdaClient(deployed!);
    await new GroupMember(new InvokeClient(client, functionPrefix), 'called-by-hand').enter();
    const groups = await run(process.execPath, ['--input-type=module', '-e', programOf('js')], { env, cwd: ROOT });
    answer = groups.stdout;
  }, scaled(60_000));

  afterAll(() => {
    client?.destroy();
    folder.remove();
  });

  it('in JavaScript', () => {
    expect(answer).toMatch(/^error code 0, [1-9]\d* groups\n$/);
  });

  it(
    'in Python',
    async ({ skip }) => {
      const python = await pythonWith('boto3', BOTO3);
      if (python.kind === 'missing') {
        have(`boto3 ${BOTO3}`, false, python.reason);
        return skip();
      }
      const { stdout } = await run(python.python, [saved('call.py', programOf('python'))], { env });
      expect(stdout).toBe(answer);
    },
    scaled(300_000),
  );

  it.skipIf(!HAS_CURL)('with curl', async () => {
    const { stdout } = await run('bash', ['-eo', 'pipefail', '-c', programOf('sh')], { env });
    const bytes = Buffer.from(stdout.replace(/\s/g, ''), 'hex');
    expect(bytes.readInt32BE(0)).toBe(1);
    expect(`error code ${bytes.readInt16BE(4)}, ${bytes.readInt32BE(6)} groups\n`).toBe(answer);
    expect(bytes.toString('latin1')).toContain('called-by-hand');
  });
});

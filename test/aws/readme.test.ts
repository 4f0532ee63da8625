import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { endpointEnvironment } from '../../localstack/cdk.ts';
import { type Endpoint, startEndpoint, stopEndpoint } from '../../localstack/index.ts';
import { freePort } from '../support/free-ports.ts';
import { scaled } from '../support/machine.ts';
import { copyOfRepository } from './copy-of-repository.ts';

const endpoint = inject('endpoint');
const readme = readFileSync(join(resolve(import.meta.dirname, '../..'), 'README.md'), 'utf8');
const [, part] = /\*\*2\. Functions\.\*\*(.*?)\*\*3\. /s.exec(readme)!;
const [, block] = /```sh\n(.*?)```/s.exec(part!)!;
const commands = block!.split('\n').map((line) => line.replace(/\s+#.*/, ''));
const gateway = commands.find((line) => line.includes('tidelog gateway'))!;
const deployment = commands.filter((line) => line !== '' && line !== gateway);
const [, words] = /```sh\n(\$ echo .*?)```/s.exec(readme)!;
const TIMEOUT_MS = scaled(300_000);

describe.skipIf(endpoint === undefined)('the steps to AWS in README.md', () => {
  const copy = copyOfRepository();
  let own: Endpoint;
  let environment: NodeJS.ProcessEnv;

  const bash = async (script: string) => {
    const running = promisify(execFile)('bash', ['-ec', script], { cwd: copy.path, env: environment });
    return (await running).stdout;
  };

  beforeAll(async () => {
    // On a MiniStack with another deployment, `cdk deploy` fails without `--method direct`.
    own = endpoint!.kind === 'ministack' ? await startEndpoint({ use: 'ministack' }) : endpoint!;
    const address = `127.0.0.1:${await freePort()}`;
    environment = {
      ...process.env,
      ...endpointEnvironment(own.url),
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      NODE_NO_WARNINGS: '1',
      NO_COLOR: '1',
      TIDELOG_LISTENERS: `PLAINTEXT://${address}`,
      TIDELOG_BOOTSTRAP_SERVERS: address,
    };
  });

  afterAll(async () => {
    if (own !== endpoint) await stopEndpoint(own);
    copy.remove();
  });

  it(
    'deploy, open a port for Kafka clients, and give back what the first screen writes',
    async () => {
      expect(deployment.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
        'export AWS_REGION=us-east-1',
        'npm run build',
        'npx cdk bootstrap',
        'npx cdk deploy',
      ]);
      const said = await bash(['exec 2>&1', ...deployment].join('\n'));
      expect(said).toContain('Outputs:\nTidelog-Service.ApiUrl = ');
      expect(said).toContain('Tidelog-Service.FunctionPrefix = tidelog\n');

      const child = spawn('bash', ['-c', gateway], {
        cwd: copy.path,
        env: environment,
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      const exited = once(child, 'exit');
      try {
        for await (const line of createInterface({ input: child.stderr })) if (line.includes('"started"')) break;
        const script = [...words!.matchAll(/^\$ (.*)$/gm)].map(([, line]) => line).join('\n');
        expect(`${await bash(script)}`).toBe(words!.replace(/^\$ .*\n/gm, ''));
      } finally {
        process.kill(-child.pid!, 'SIGTERM');
        await exited;
      }
    },
    TIMEOUT_MS,
  );

  // MiniStack finds a stack by its name only, and the CDK deletes it by its id.
  it.skipIf(inject('isMinistack'))(
    'remove what was deployed',
    async () => {
      const [, command] = /`(npx cdk destroy --all)`/.exec(part!)!;
      await bash(`${command} --force`);
    },
    TIMEOUT_MS,
  );
});

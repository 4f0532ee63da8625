import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { App, CfnResource, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FRONT_DOORS, type GatewaySize, STAGES, type Stage } from '../../lib/stacks/stages.ts';
import { scaled } from '../support/machine.ts';
import { FUNCTIONS, synthesized } from './synthesized.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const LATER = scaled(240_000);
const CLI = join(ROOT, 'node_modules/aws-cdk/bin/cdk');

let base: string;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'tidelog-synth-'));
  // Node and nothing else: no Docker, no shell tools.
  mkdirSync(join(base, 'bin'));
  symlinkSync(process.execPath, join(base, 'bin/node'));
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

/** `cdk synth` into a folder, on a machine without account, network or Docker. */
async function synth(folder: string, ...args: string[]): Promise<string> {
  return (await ranSynth(folder, ...args)).output;
}

async function ranSynth(folder: string, ...args: string[]): Promise<{ output: string; said: string }> {
  const output = join(base, folder);
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [CLI, 'synth', '--quiet', '--output', output, ...args],
    {
      cwd: ROOT,
      env: {
        PATH: join(base, 'bin'),
        HOME: base,
        AWS_EC2_METADATA_DISABLED: 'true',
        // Whoever would ask the network is turned away at once.
        HTTPS_PROXY: 'http://127.0.0.1:9',
        HTTP_PROXY: 'http://127.0.0.1:9',
      },
    },
  );
  return { output, said: stdout + stderr };
}

/** What stands for the bytes of every file, by its path. */
function filesIn(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length), createHash('sha256').update(readFileSync(path)).digest('hex')];
    }),
  );
}

describe('cdk synth', { timeout: LATER }, () => {
  it('gives the same bytes twice, without network and Docker', async () => {
    const first = filesIn(await synth('first', '-c', `functions=${FUNCTIONS}`));
    const second = filesIn(await synth('second', '-c', `functions=${FUNCTIONS}`));
    expect(
      Object.keys(first)
        .filter((path) => path.endsWith('.template.json'))
        .sort(),
    ).toEqual(['/Tidelog-Service.template.json', '/Tidelog-State.template.json']);
    expect(second).toEqual(first);
  });

  it('warns of nothing: every feature flag of the pinned CDK is set in cdk.json', async () => {
    const { said } = await ranSynth('flags', '-c', `functions=${FUNCTIONS}`);
    expect(said).toMatch(/^Successfully synthesized to/);
    expect(said).not.toMatch(/feature flag|warn/i);
  });

  it('says what is wrong with the context, and makes nothing', async () => {
    const failure = await synth('wrong', '-c', 'stage=nope').catch((error: { stderr: string }) => error);
    expect((failure as { stderr: string }).stderr).toMatch(
      /^-c stage=nope is unknown; choose one of prod, dev, local\.$/m,
    );
  });
});

describe("the CDK's own check of templates", { timeout: LATER }, () => {
  function findings(app: App): string[] {
    const report = JSON.parse(readFileSync(join(app.synth().directory, 'validation-report.json'), 'utf8')) as {
      pluginReports: { violations: { ruleName: string }[] }[];
    };
    return report.pluginReports.flatMap(({ violations }) => violations.map(({ ruleName }) => ruleName));
  }

  const checkedApp = () => new App({ context: { '@aws-cdk/core:validateAgainstDefaultRules': true } });

  it.each(FRONT_DOORS)('finds nothing in any of the stacks, with the front door %s', (frontDoor) => {
    expect(findings(synthesized({ frontDoor }, checkedApp()).app)).toEqual([]);
  });

  /** An app with the flags of cdk.json. */
  const flaggedApp = () => {
    const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as {
      context: Record<string, unknown>;
    };
    return new App({ context });
  };

  /** What the CDK says about constructs, beside the templates. */
  function warnings({ node }: App): unknown[] {
    return node
      .findAll()
      .flatMap(({ node: { path, metadata } }) => metadata.map(({ type, data }) => ({ path, type, data })))
      .filter(({ type }) => /^aws:cdk:(warning|error)$/.test(type));
  }

  const key = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' as const;
  const size: GatewaySize = { tasks: 2, tasksMax: 6, cpu: 256, memoryMiB: 512 };
  const clients = ['10.0.0.0/8', 'sg-0123abcd', 'pl-0123abcd'];
  const subnets = ['subnet-0123abcd', 'subnet-0123abce'];

  it.each<Partial<Stage>>([
    STAGES.dev,
    STAGES.local,
    { tableKey: 'aws', bucketKey: 'aws', accessLog: true, gateway: size, network: { clients } },
    { frontDoor: 'rest', accessLog: true, tableKey: key, bucketKey: key, reservedConcurrency: { produce: 50 } },
    { frontDoor: 'url', gateway: size, network: { vpc: 'vpc-0123abcd', subnets, clients } },
  ])('finds nothing, and warns of nothing, with %j and the flags of cdk.json', (options) => {
    const { app } = synthesized(options, flaggedApp());
    expect(findings(app)).toEqual([]);
    expect(warnings(app)).toEqual([]);
  });

  it('looks', () => {
    const app = checkedApp();
    new CfnResource(new Stack(app, 'Other'), 'Wrong', { type: 'AWS::S3::Bucket', properties: { BucketNam: 'x' } });
    expect(() => app.synth()).toThrow(/Additional properties are not allowed \('BucketNam' was unexpected/);
  });
});

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { App } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { type ContextEnvironment, readContext } from '../../lib/stacks/context.ts';
import { FUNCTION_NAMES, STAGES, type Stage } from '../../lib/stacks/stages.ts';
import { scaled } from '../support/machine.ts';
import { FUNCTIONS, propertiesOf, synthesized } from './synthesized.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const VPC = 'vpc-0123abcd';
const LATER = scaled(60_000);

function read(values: Readonly<Record<string, unknown>>, environment: ContextEnvironment = {}) {
  return readContext((name) => values[name], environment);
}

function stageOf(values: Readonly<Record<string, unknown>>): Stage {
  const outcome = read(values);
  if (outcome.kind === 'invalid') throw new Error(outcome.problem);
  return outcome.deployment.stage;
}

describe('the context', () => {
  it('means the stage prod where it says nothing', () => {
    expect(stageOf({})).toEqual(STAGES.prod);
    expect(stageOf({}).removal).toBe('retain');
  });

  it('chooses a stage, and can differ from it in prefix, front door and gateway', () => {
    expect(stageOf({ stage: 'dev' })).toEqual(STAGES.dev);
    expect(stageOf({ stage: 'dev', api: 'url' })).toEqual({ ...STAGES.dev, frontDoor: 'url' });
    expect(stageOf({ prefix: 'Shop-Log' })).toMatchObject({ prefix: 'Shop-Log', removal: 'retain' });
    expect(stageOf({ gateway: 'on' }).gateway).toEqual({ tasks: 2, cpu: 256, memoryMiB: 512 });
    expect(stageOf({ gateway: 'off' })).not.toHaveProperty('gateway');
  });

  it('takes an issuer of tokens for REST', () => {
    const jwt = { issuer: 'https://login.example.com/', audience: ['orders', 'billing'] };
    expect(stageOf({ jwtIssuer: jwt.issuer, jwtAudience: 'orders,billing' })).toEqual({ ...STAGES.prod, jwt });
    expect(stageOf({})).not.toHaveProperty('jwt');
    const problem = '-c jwtIssuer= needs the https address of the issuer, and -c jwtAudience= one or more names.';
    const halves = [{ jwtIssuer: jwt.issuer }, { jwtAudience: 'orders' }, { jwtIssuer: 'http://x/', jwtAudience: 'a' }];
    for (const half of [...halves, { jwtIssuer: jwt.issuer, jwtAudience: ',' }]) {
      expect(read(half)).toEqual({ kind: 'invalid', problem });
    }
    expect(read({ api: 'url', jwtIssuer: jwt.issuer, jwtAudience: 'orders' })).toEqual({
      kind: 'invalid',
      problem: '-c jwtIssuer= needs an HTTP API, which checks the tokens; with -c api=url nothing does.',
    });
  });

  it('takes keys, backups, the access log and reserved instances', () => {
    const key = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    expect(stageOf({ tableKey: 'aws', bucketKey: key, pointInTimeRecovery: 'off', accessLog: 'on' })).toEqual({
      ...STAGES.prod,
      tableKey: 'aws',
      bucketKey: key,
      pointInTimeRecovery: false,
      accessLog: true,
    });
    expect(stageOf({ reservedConcurrency: 'produce:50,seal:0' }).reservedConcurrency).toEqual({ produce: 50, seal: 0 });
  });

  it('takes the size of the fleet, its network and its clients', () => {
    expect(stageOf({ gateway: 'on', tasks: '2-6' }).gateway).toEqual({
      tasks: 2,
      tasksMax: 6,
      cpu: 256,
      memoryMiB: 512,
    });
    expect(stageOf({ gateway: 'on', tasks: '3' }).gateway).toMatchObject({ tasks: 3 });
    const clients = '10.0.0.0/8,sg-0123abcd,pl-0123abcd';
    expect(stageOf({ gateway: 'on', balancer: 'internal', clients }).network).toEqual({ clients: clients.split(',') });
    const named = {
      gateway: 'on',
      vpc: VPC,
      subnets: 'subnet-0123abcd,subnet-0123abce',
      publicAddresses: 'on',
      clients,
    };
    expect(stageOf(named).network).toEqual({
      vpc: VPC,
      subnets: ['subnet-0123abcd', 'subnet-0123abce'],
      hasPublicAddresses: true,
      clients: clients.split(','),
    });
  });

  it('looks a VPC up in the account and Region of the credentials', () => {
    const outcome = read(
      { gateway: 'on', vpc: VPC },
      { CDK_DEFAULT_ACCOUNT: '111122223333', CDK_DEFAULT_REGION: 'eu-west-1' },
    );
    expect(outcome).toMatchObject({
      deployment: { stage: { network: { vpc: VPC, place: { account: '111122223333', region: 'eu-west-1' } } } },
    });
    expect(outcome).not.toHaveProperty('deployment.stage.account');
  });

  it('takes the folder of the functions', () => {
    expect(read({ functions: '/some/where' })).toMatchObject({ deployment: { functionsFolder: '/some/where' } });
    expect(read({})).toMatchObject({ deployment: { functionsFolder: undefined } });
  });

  it.each([
    [{ api: 'foo' }, '-c api=foo is unknown; choose one of http, rest, url.'],
    [{ stage: 'nope' }, '-c stage=nope is unknown; choose one of prod, dev, local.'],
    [{ stage: 'toString' }, '-c stage=toString is unknown; choose one of prod, dev, local.'],
    [{ gateway: 'yes' }, '-c gateway=yes is unknown; choose one of on, off.'],
    [{ accessLog: 'yes' }, '-c accessLog=yes is unknown; choose one of on, off.'],
    [
      { tableKey: 'alias/mine' },
      '-c tableKey=alias/mine is unknown; choose owned, aws, or the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID).',
    ],
    [
      { bucketKey: 'arn:aws:kms:eu-west-1:111122223333:alias/mine' },
      '-c bucketKey=arn:aws:kms:eu-west-1:111122223333:alias/mine is unknown; choose owned, aws, or the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID).',
    ],
    ...(['produce', 'produce:', 'produce:5,produce:6', 'brew:5', 'produce:-1', ''].map((reservedConcurrency) => [
      { reservedConcurrency },
      `-c reservedConcurrency=${reservedConcurrency} is wrong; it is FUNCTION:INSTANCES,... of ${FUNCTION_NAMES.join(', ')}.`,
    ]) as [object, string][]),
    [{ vpc: 'vpc-0123abcd' }, '-c vpc= is for gateways; add -c gateway=on.'],
    [
      { gateway: 'on', balancer: 'public' },
      '-c balancer=public would open a port to the Internet on which everybody reads and writes: the gateways have neither TLS nor logins yet. Leave it internal, or run the tunnel (tidelog gateway --via) beside the clients.',
    ],
    ...(['0', '6-2', '2-101', 'two', '2-'].map((tasks) => [
      { gateway: 'on', tasks },
      `-c tasks=${tasks} is wrong; it is MIN or MIN-MAX, from 1 to 100.`,
    ]) as [object, string][]),
    [{ gateway: 'on', vpc: 'default' }, '-c vpc=default is no id of a VPC (vpc-...).'],
    [
      { gateway: 'on', vpc: VPC },
      '-c vpc=vpc-0123abcd is looked up in the account, which takes credentials and a Region; or name its subnets by -c subnets=.',
    ],
    [{ gateway: 'on', subnets: 'public' }, '-c subnets=public is no list of subnets (subnet-...,subnet-...).'],
    [{ gateway: 'on', subnets: 'subnet-0123abcd', clients: '10.0.0.0/8' }, '-c subnets= needs -c vpc=ID.'],
    [
      { gateway: 'on', vpc: VPC, subnets: 'subnet-0123abcd' },
      '-c subnets= needs -c clients=, as the range of the VPC is not known without a look-up.',
    ],
    [
      { gateway: 'on', publicAddresses: 'on' },
      '-c publicAddresses= needs -c subnets=; elsewhere the kind of the subnets decides.',
    ],
    ...(['10.0.0.0', '10.0.0.256/8', '10.0.0.0/33', 'sg-', 'everybody'].map((client) => [
      { gateway: 'on', clients: `10.0.0.0/8,${client}` },
      `-c clients= takes IPv4 ranges, security groups (sg-...) and prefix lists (pl-...), not ${client}.`,
    ]) as [object, string][]),
    [
      { gateway: 'on', clients: '0.0.0.0/0' },
      '-c clients=0.0.0.0/0 would let everybody in, and the listeners have no logins yet; name ranges.',
    ],
    [{ functions: '' }, '-c functions= needs the path of a folder.'],
  ])('refuses %j with a sentence', (values, problem) => {
    expect(read(values as Record<string, unknown>)).toEqual({ kind: 'invalid', problem });
  });

  it.each([undefined, ''])('refuses the stage local with AWS_ENDPOINT_URL=%j', (endpointUrl) => {
    expect(read({ stage: 'local' }, { AWS_ENDPOINT_URL: endpointUrl })).toEqual({
      kind: 'invalid',
      problem:
        '-c stage=local lets callers in without an IAM identity, so it is for an AWS-compatible endpoint only; set AWS_ENDPOINT_URL to its address, or choose another stage.',
    });
  });

  it('takes the stage local with an endpoint', () => {
    expect(read({ stage: 'local' }, { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' })).toMatchObject({
      deployment: { stage: STAGES.local },
    });
  });

  it('has stages that never name the stacks of another one', () => {
    const prefixes = Object.values(STAGES).map(({ prefix }) => prefix);
    expect(new Set(prefixes).size).toBe(prefixes.length);
  });

  it.each(['', '1st', 'a--b', 'ends-', 'sp ace', 'a'.repeat(41), `a${'-b'.repeat(20)}`])(
    'refuses the prefix "%s"',
    (prefix) => {
      expect(read({ prefix })).toMatchObject({ problem: expect.stringMatching(/cannot name a stack; take up to 40/) });
    },
  );

  it('leaves function names within the 64 characters that Lambda takes, with the longest prefix', () => {
    const { prefix } = stageOf({ prefix: 'a'.repeat(40) });
    expect(Math.max(...FUNCTION_NAMES.map((name) => `${prefix}-${name}`.length))).toBeLessThanOrEqual(64);
  });
});

describe('the stages', () => {
  it('have prefixes that are good for stacks', () => {
    for (const { prefix } of Object.values(STAGES)) expect(read({ prefix }).kind).toBe('deployment');
  });

  it('do not share names where they could share an account', () => {
    expect(STAGES.dev.prefix).not.toBe(STAGES.prod.prefix);
  });

  it('set account and region of all stacks, or none', () => {
    const { stacks } = synthesized({ account: '111122223333', region: 'eu-central-1' });
    for (const stack of [stacks.state!, stacks.service, stacks.gateway!]) {
      expect([stack.account, stack.region]).toEqual(['111122223333', 'eu-central-1']);
    }
    expect(synthesized().stacks.state!.environment).toBe('aws://unknown-account/unknown-region');
  });

  it('deploy the State stack before the others', () => {
    const { state, service, gateway } = synthesized().stacks;
    expect(service.dependencies).toEqual([state]);
    expect(gateway!.dependencies).toEqual([state]);
  });

  it('have no gateway by themselves, which would be billed by the hour', () => {
    expect(Object.values(STAGES).filter((stage) => 'gateway' in stage)).toEqual([]);
  });

  it('give every function a size', () => {
    for (const stage of Object.values(STAGES)) {
      const functions = Object.values(propertiesOf(synthesized(stage).service, 'AWS::Lambda::Function'));
      expect(functions.map(({ MemorySize }) => MemorySize as number).every((size) => size >= 128)).toBe(true);
    }
  });
});

/** Runs the program of cdk.json as the CLI does. */
function app(context: Readonly<Record<string, string>>): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', 'lib/stacks/app.ts'],
      { cwd: ROOT, env: { ...process.env, CDK_CONTEXT_JSON: JSON.stringify(context) } },
      (error, stdout, stderr) => done({ code: (error?.code as number | undefined) ?? 0, stdout, stderr }),
    );
  });
}

describe('the program', { timeout: LATER }, () => {
  it('takes the options from the context of cdk.json as well, whose names the CDK leaves alone', () => {
    const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as { context: object };
    const app = new App({ context: { ...context, tableKey: 'aws', accessLog: 'on' } });
    const outcome = readContext((name) => app.node.tryGetContext(name));
    expect(outcome).toMatchObject({ deployment: { stage: { ...STAGES.prod, tableKey: 'aws', accessLog: true } } });
  });

  it('says a sentence about a wrong value and ends with 1', async () => {
    expect(await app({ api: 'foo' })).toEqual({
      code: 1,
      stdout: '',
      stderr: '-c api=foo is unknown; choose one of http, rest, url.\n',
    });
  });

  it('says a sentence where the functions are not built', async () => {
    expect(await app({ functions: `${FUNCTIONS}/nowhere` })).toEqual({
      code: 1,
      stdout: '',
      stderr: `The function produce is not built: there is no ${FUNCTIONS}/nowhere/produce/index.mjs. Run npm run build first.\n`,
    });
  });
});

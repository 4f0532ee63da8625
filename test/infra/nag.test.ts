import { Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { FRONT_DOORS, type GatewayNetwork, type GatewaySize, STAGES, type Stage } from '../../lib/stacks/stages.ts';
import { quickApp, synthesized } from './synthesized.ts';

const packs = (): NagPack[] => [new AwsSolutionsChecks(), new ServerlessChecks()];

/** What the packs find, as `rule construct`. */
function findings(scope: IConstruct): string[] {
  return packs().flatMap((pack) =>
    pack
      .validateScope(scope)
      .violations.flatMap(({ ruleName, violatingResources }) =>
        violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`),
      ),
  );
}

interface Acknowledged {
  readonly construct: IConstruct;
  readonly rule: string;
  readonly reason: string;
}

function acknowledged(scope: IConstruct): Acknowledged[] {
  return scope.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) =>
        Object.entries(data as Record<string, string>).map(([id, reason]) => ({
          construct,
          rule: id.replace(/^annotation::/i, ''),
          reason,
        })),
      )
      .filter(({ rule }) => /^(AwsSolutions|Serverless)-/.test(rule)),
  );
}

/** What the packs would find if nothing was acknowledged. */
function unexcused(scope: IConstruct): string[] {
  for (const construct of scope.node.findAll()) {
    // The packs read this list; there is no way to take an entry back.
    Object.defineProperty(construct.node, 'metadata', { value: [] });
  }
  return findings(scope);
}

/** Acknowledgements without a finding. Takes the acknowledgements of the scope away. */
function idleIn(scope: IConstruct, given: readonly Acknowledged[]): string[] {
  const found = unexcused(scope);
  return given
    .filter(({ construct, rule }) => !found.some((finding) => finding.startsWith(`${rule} ${construct.node.path}/`)))
    .map(({ construct, rule }) => `${rule} ${construct.node.path}`);
}

const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const SCALED: GatewaySize = { tasks: 2, tasksMax: 6, cpu: 256, memoryMiB: 512 };
const NETWORK: GatewayNetwork = {
  vpc: 'vpc-0123abcd',
  subnets: ['subnet-0123abcd', 'subnet-0123abce'],
  clients: ['10.0.0.0/8', 'sg-0123abcd', 'pl-0123abcd'],
};

describe("cdk-nag's packs AwsSolutions and Serverless", () => {
  it.each(FRONT_DOORS)('find nothing with the front door %s', (frontDoor) => {
    expect(findings(synthesized({ frontDoor }).app)).toEqual([]);
  });

  it('find nothing where callers of REST send tokens', () => {
    const jwt = { issuer: 'https://login.example.com/', audience: ['orders'] };
    expect(findings(synthesized({ jwt }).app)).toEqual([]);
  });

  it.each(Object.keys(STAGES) as (keyof typeof STAGES)[])('find nothing in the stage %s', (name) => {
    expect(findings(synthesized(STAGES[name]).app)).toEqual([]);
  });

  it.each<Partial<Stage>>([
    { frontDoor: 'http', accessLog: true, tableKey: 'aws', bucketKey: 'aws' },
    { frontDoor: 'rest', accessLog: true, tableKey: KEY, bucketKey: KEY, pointInTimeRecovery: false },
    { frontDoor: 'url', reservedConcurrency: { produce: 50 }, gateway: SCALED, network: NETWORK },
  ])('find nothing with the options %j', (options) => {
    const { app } = synthesized(options);
    const given = acknowledged(app);
    expect(findings(app)).toEqual([]);
    expect(idleIn(app, given)).toEqual([]);
  });

  it('find what is wrong in an app around it, so that they have looked', () => {
    const app = quickApp();
    synthesized({}, app);
    new Bucket(new Stack(app, 'Other'), 'Careless');
    expect(findings(app)).toContain('AwsSolutions-S10 Other/Careless/Resource');
  });

  it.each(FRONT_DOORS)('need every acknowledgement, with the front door %s, and each has a reason', (frontDoor) => {
    const { app } = synthesized({ frontDoor });
    const given = acknowledged(app);
    expect(given.length).toBeGreaterThan(10);
    expect(given.filter(({ reason }) => reason.length < 40)).toEqual([]);
    expect(idleIn(app, given)).toEqual([]);
  });

  it('run as plugins of an app, too', () => {
    const app = quickApp();
    Validations.of(app).addPlugins(...packs());
    synthesized({}, app);
    expect(() => app.synth()).not.toThrow();
  });
});

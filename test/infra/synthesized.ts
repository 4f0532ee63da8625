import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { addStacks, type TidelogStacks } from '../../lib/stacks/deployment.ts';
import { SMALL_GATEWAY, STAGES, type Stage } from '../../lib/stacks/stages.ts';

/** Bundles of a line each: these tests look at templates, not at what the functions do. */
export const FUNCTIONS = join(import.meta.dirname, 'functions');

/** An app as somebody has it who never heard of feature flags. The CDK's check of templates takes seconds; one test has it. */
export function quickApp(): App {
  return new App({ builtinCloudFormationValidation: false });
}

export interface Synthesized {
  readonly app: App;
  readonly stacks: TidelogStacks;
  readonly state: Template;
  readonly service: Template;
  readonly gateway: Template;
}

/** All three stacks of a stage, with what differs from `prod`. */
export function synthesized(differences: Partial<Stage> = {}, app: App = quickApp()): Synthesized {
  const stage: Stage = { ...STAGES.prod, gateway: SMALL_GATEWAY, ...differences };
  const image = ContainerImage.fromAsset(join(import.meta.dirname, 'image'));
  const stacks = addStacks(app, { stage, functionsFolder: FUNCTIONS }, image);
  return {
    app,
    stacks,
    state: Template.fromStack(stacks.state!),
    service: Template.fromStack(stacks.service),
    gateway: Template.fromStack(stacks.gateway!),
  };
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

interface Policy {
  readonly PolicyName?: string;
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
}

export interface Grant {
  /** Logical id of the role or policy. */
  readonly at: string;
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly unknown[];
}

/** Everything that the identities of a template may do, from inline and attached policies. */
export function grantsOf(template: Template): Grant[] {
  const roles = Object.entries(template.findResources('AWS::IAM::Role')).flatMap(([id, { Properties }]) =>
    ((Properties.Policies ?? []) as Policy[]).map((policy) => ({ id, policy })),
  );
  const attached = Object.entries(template.findResources('AWS::IAM::Policy')).map(([id, { Properties }]) => ({
    id,
    policy: Properties as Policy,
  }));
  return [...roles, ...attached].flatMap(({ id, policy }) =>
    policy.PolicyDocument.Statement.map(({ Effect, Action, Resource }) => ({
      at: id,
      effect: Effect,
      actions: [Action].flat(),
      resources: [Resource].flat(),
    })),
  );
}

/** Resources of one type, by logical id, with their properties only. */
export function propertiesOf(template: Template, type: string): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(template.findResources(type)).map(([id, { Properties }]) => [id, Properties]),
  );
}

/** The only resource of its type. */
export function only(template: Template, type: string): Record<string, unknown> {
  const found = Object.values(propertiesOf(template, type));
  if (found.length !== 1) throw new Error(`${found.length} of ${type}`);
  return found[0]!;
}

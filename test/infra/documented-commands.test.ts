import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { describe, expect, it } from 'vitest';
import { readContext } from '../../lib/stacks/context.ts';
import { addStacks } from '../../lib/stacks/deployment.ts';
import { FUNCTIONS, quickApp } from './synthesized.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const DOCUMENTS = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);

/** What the CLI adds to the environment of the app where it has credentials. */
const CREDENTIALS = { CDK_DEFAULT_ACCOUNT: '111122223333', CDK_DEFAULT_REGION: 'eu-west-1' };

interface Command {
  readonly verb: string;
  readonly stacks: readonly string[];
  readonly isAll: boolean;
  readonly context: Readonly<Record<string, string>>;
}

/** The `npx cdk` command lines of a document, in code blocks and between backticks. */
function commandsIn(document: string): string[] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  return [...text.matchAll(/npx (cdk(?: [^\s`#&]+)+)/g)].map(([, line]) => line!);
}

function parse(line: string): Command {
  const [, verb, ...args] = line.split(' ');
  const context: Record<string, string> = {};
  const stacks: string[] = [];
  let isAll = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === '--all') isAll = true;
    else if (arg === '--require-approval') at++;
    else if (arg === '-c') {
      const [name, value] = args[++at]!.split('=');
      context[name!] = value!;
    } else if (arg.startsWith('-')) throw new Error(`${line}: ${arg} is not known to this test`);
    else stacks.push(arg);
  }
  return { verb: verb!, stacks, isAll, context };
}

/** The app with a command's context, as lib/stacks/app.ts makes it. */
function appOf(context: Command['context']): App {
  const outcome = readContext((name) => ({ functions: FUNCTIONS, ...context })[name], CREDENTIALS);
  if (outcome.kind === 'invalid') throw new Error(outcome.problem);
  const app = quickApp();
  addStacks(app, outcome.deployment, ContainerImage.fromAsset(join(import.meta.dirname, 'image')));
  return app;
}

/** The stacks that the CDK acts on: a destroy takes those that need a named one, too. */
function planOf({ verb, stacks, isAll, context }: Command): string[] {
  const assembly = appOf(context).synth();
  const all = assembly.stacks.map(({ id }) => id);
  const missing = stacks.filter((name) => !all.includes(name));
  if (missing.length > 0) throw new Error(`not in the app: ${missing.join(', ')}`);
  if (isAll || stacks.length === 0) return all;
  const dependents = assembly.stacks.filter(({ dependencies }) => dependencies.some(({ id }) => stacks.includes(id)));
  return [...new Set([...stacks, ...(verb === 'destroy' ? dependents.map(({ id }) => id) : [])])];
}

const lines = DOCUMENTS.flatMap((document) => commandsIn(document).map((line) => ({ document, line })));

describe('documented commands of the CDK', () => {
  it('are found', () => {
    expect(lines.length).toBeGreaterThanOrEqual(10);
    const verbs = lines.map(({ line }) => parse(line).verb);
    for (const verb of ['bootstrap', 'deploy', 'destroy', 'diff', 'synth']) expect(verbs).toContain(verb);
  });

  it.each(lines)('$document: $line', ({ line }) => {
    const command = parse(line);
    expect(planOf(command).length).toBeGreaterThan(0);
    expect(command.isAll || command.stacks.length > 0 || ['bootstrap', 'diff', 'synth'].includes(command.verb)).toBe(
      true,
    );
  });

  it('tear down all that they deploy', () => {
    const deploys = lines.map(({ line }) => parse(line)).filter(({ verb }) => verb === 'deploy');
    const destroys = lines.map(({ line }) => parse(line)).filter(({ verb }) => verb === 'destroy');
    const deployed = new Set(deploys.flatMap(planOf));
    expect([...deployed].sort()).toEqual(['Tidelog-Gateway', 'Tidelog-Service', 'Tidelog-State']);
    expect(new Set(destroys.flatMap(({ stacks }) => stacks))).toEqual(deployed);
  });

  it('cannot tear down the Gateway stack without gateway=on, which would leave it running', () => {
    expect(() => planOf(parse('cdk destroy Tidelog-Gateway'))).toThrow('not in the app: Tidelog-Gateway');
  });
});

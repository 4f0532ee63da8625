import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** What tests run in processes of their own, by the path in this repository. */
export const PROGRAMS = [
  'lib/cli/main.ts',
  'localstack/main.ts',
  'test/contract/embedded-writer.ts',
  'test/support/good-client.ts',
  'test/support/kafkajs-member.ts',
  'test/support/kafkajs-transactor.ts',
  'test/support/platformatic-transactor.ts',
] as const;
export type Program = (typeof PROGRAMS)[number];

/** The variable with the folder of the translated programs; `build-programs.ts` sets it for a run. */
export const PROGRAMS_VARIABLE = 'TIDELOG_TEST_PROGRAMS';

/** The file name of a translated program: all lie in one folder, which tells where package.json is. */
export function builtName(program: Program): string {
  return program.replaceAll('/', '-').replace(/\.ts$/, '');
}

/**
 * The arguments with which Node runs a program: as JavaScript where this run has translated it, which starts in a third of
 * the time, else as TypeScript.
 */
export function programArguments(
  program: Program,
  environment: NodeJS.ProcessEnv = process.env,
): readonly [string, ...string[]] {
  const folder = environment[PROGRAMS_VARIABLE];
  if (folder === undefined) return ['--import', import.meta.resolve('tsx'), join(ROOT, program)];
  return [join(folder, `${builtName(program)}.mjs`)];
}

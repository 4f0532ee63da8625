import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CreateFunctionCommand, GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { FRAME_FUNCTIONS } from '../../lib/broker/apis.ts';
import { findPython } from '../../localstack/python.ts';
import { runProgram } from '../../localstack/run-program.ts';

const BUNDLES = resolve(import.meta.dirname, '../../dist/functions');

/** The bundles as another version would have them: each is different, and does the same. */
export function otherBundles(folder: string): string {
  const copy = join(folder, 'functions');
  cpSync(BUNDLES, copy, { recursive: true });
  for (const name of [...FRAME_FUNCTIONS, 'rest', 'maintain', 'seal']) {
    const file = join(copy, name, 'index.mjs');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n// another version\n`);
  }
  return copy;
}

/** Sets up the functions that take frames a second time, with settings as they are and other bundles. */
export async function copyFunctions(
  client: LambdaClient,
  { from, to, bundles }: { from: string; to: string; bundles: string },
): Promise<void> {
  for (const name of FRAME_FUNCTIONS) {
    const { Environment, Runtime, Handler, Role, Timeout, MemorySize } = await client.send(
      new GetFunctionConfigurationCommand({ FunctionName: `${from}-${name}` }),
    );
    const settings = {
      Runtime,
      Handler,
      Role,
      Timeout,
      MemorySize,
      Environment: { Variables: Environment!.Variables },
    };
    const ZipFile = await zipOf(join(bundles, name));
    await client.send(new CreateFunctionCommand({ FunctionName: `${to}-${name}`, Code: { ZipFile }, ...settings }));
  }
}

async function zipOf(folder: string): Promise<Buffer> {
  const file = `${folder}.zip`;
  const { code, output } = await runProgram((await findPython())!, [
    ...['-m', 'zipfile', '--create', file, ...readdirSync(folder).map((name) => join(folder, name))],
  ]);
  if (code !== 0) throw new Error(`no zip of ${folder}: ${output}`);
  return readFileSync(file);
}

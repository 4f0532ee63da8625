import { parseArgs } from 'node:util';
import type { DeployOptions } from './deploy.ts';
import type { EndpointOptions } from './endpoint.ts';

const PORT_MAX = 65_535;

export const USAGE = `Tidelog on an AWS-compatible endpoint of this machine.

  up      brings an endpoint up: LocalStack where Docker runs, else MiniStack (Python 3.10 or newer)
            --port NUMBER                 where it listens on 127.0.0.1, 0 for any free one (4566)
            --use localstack|ministack    which one
  deploy  deploys Tidelog's stacks to it, or brings them up to date
            --prefix NAME                 what stacks and functions are called after (Tidelog)
            --api http|rest|url           how requests come in
            --functions FOLDER            other bundles than those that Tidelog came with
  down    ends it; all that it holds is gone

With AWS_ENDPOINT_URL set, up checks that endpoint, deploy deploys to it, and down leaves it as it is.
Exit codes: 0 done, 1 failed, 2 wrong command or flags.
`;

const OPTIONS = {
  port: { type: 'string' },
  use: { type: 'string' },
  prefix: { type: 'string' },
  api: { type: 'string' },
  functions: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const FLAGS_OF: ReadonlyMap<string, readonly string[]> = new Map([
  ['up', ['port', 'use']],
  ['deploy', ['prefix', 'api', 'functions']],
  ['down', []],
]);

/** A wrong command or flag; the message is a sentence. */
export class UsageError extends Error {}

export interface Flags extends Pick<DeployOptions, 'prefix' | 'api' | 'functions'>, Pick<EndpointOptions, 'use'> {
  /** 0 to PORT_MAX. */
  readonly port?: number;
}

/** Reads the command line; `help` stands for a wish to be told. Throws UsageError. */
export function readCommandLine(args: readonly string[]): { readonly command: string; readonly flags: Flags } {
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Node goes on with advice about flags that begin with a dash.
    throw new UsageError(`${(error as Error).message.split('. ')[0]}.`);
  }
  const { values, positionals } = parsed;
  const [command, ...more] = positionals;
  if (values.help) return { command: 'help', flags: {} };
  if (command === undefined) throw new UsageError('A command is missing.');
  const known = FLAGS_OF.get(command);
  if (known === undefined) throw new UsageError(`There is no ${command}.`);
  if (more.length > 0) throw new UsageError(`${command} takes no ${more[0]}.`);
  const strange = Object.keys(values).find((name) => !known.includes(name));
  if (strange !== undefined) throw new UsageError(`${command} takes no --${strange}.`);
  oneOf(values, 'use', ['localstack', 'ministack']);
  oneOf(values, 'api', ['http', 'rest', 'url']);
  const { port, ...others } = values;
  return { command, flags: { ...others, ...(port !== undefined && { port: portOf(String(port)) }) } as Flags };
}

function oneOf(values: Record<string, unknown>, name: string, allowed: readonly string[]): void {
  const value = values[name];
  if (value !== undefined && !allowed.includes(String(value))) {
    throw new UsageError(`--${name} takes ${allowed.join(', ')}, not ${value}.`);
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw new UsageError(`--port takes 0 to ${PORT_MAX}, not ${text}.`);
  }
  return port;
}

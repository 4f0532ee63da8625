import { readFileSync } from 'node:fs';
import type { CommandIo } from '../command.ts';
import { CommandError, usageError } from '../failure.ts';
import type { CommonFlags } from '../program.ts';
import { programVersion } from '../version.ts';
import { type Address, parseAddresses } from './addresses.ts';
import { type ClientConfig, readClientConfig } from './client-config.ts';
import { KafkaClient } from './kafka-client.ts';

const BOOTSTRAP_VARIABLE = 'TIDELOG_BOOTSTRAP_SERVERS';
const BOOTSTRAP_DEFAULT = 'localhost:9092';

/** What brokers log requests of the command line under. */
export const CLIENT_NAME = 'tidelog-cli';

/** Runs `use` with a client of the cluster that the flags name, and closes it afterwards. Throws CommandError. */
export async function withClient<T>(
  flags: CommonFlags,
  io: CommandIo,
  use: (client: KafkaClient) => Promise<T>,
): Promise<T> {
  const client = openClient(flags, io);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** What the flags, a file and the environment say of how to connect. */
export interface Connection {
  readonly addresses: readonly [Address, ...Address[]];
  readonly config: ClientConfig;
  /** The content of the file with the trusted authorities. */
  readonly trustedAuthorities?: string;
}

/** Where and how to connect. Throws CommandError. */
export function connectionOf(flags: CommonFlags, io: CommandIo): Connection {
  const config = clientConfig(flags.clientConfig);
  const bootstrap =
    flags.bootstrapServer ?? config.bootstrapServers ?? io.environment[BOOTSTRAP_VARIABLE] ?? BOOTSTRAP_DEFAULT;
  const outcome = parseAddresses(bootstrap);
  if (outcome.kind === 'invalid') throw usageError(outcome.problem);
  return {
    addresses: outcome.addresses,
    config,
    ...(config.trustedAuthorities !== undefined && { trustedAuthorities: fileText(config.trustedAuthorities) }),
  };
}

function openClient(flags: CommonFlags, io: CommandIo): KafkaClient {
  return new KafkaClient({
    ...connectionOf(flags, io),
    timeoutMs: flags.timeout,
    clientName: CLIENT_NAME,
    clientVersion: programVersion(),
  });
}

function clientConfig(path: string | undefined): ClientConfig {
  if (path === undefined) return { tls: false };
  const outcome = readClientConfig(fileText(path));
  if (outcome.kind === 'invalid') throw usageError(`${path}: ${outcome.problem}`);
  return outcome.config;
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileProblem(path, error);
  }
}

/** Why a file cannot be read, for people. */
export function fileProblem(path: string, error: unknown): CommandError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new CommandError(`There is no file ${path}.`, { cause: error });
  if (code === 'EISDIR') return new CommandError(`${path} is a folder, not a file.`, { cause: error });
  if (code === 'EACCES') return new CommandError(`${path} may not be read by this user.`, { cause: error });
  return new CommandError(`${path} cannot be read (${code ?? String(error)}).`, { cause: error });
}

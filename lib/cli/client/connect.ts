import { VERSION } from '../../core/version.ts';
import type { CommandIo } from '../command.ts';
import { usageError } from '../failure.ts';
import type { CommonFlags } from '../program.ts';
import { type Address, parseAddresses } from './addresses.ts';
import { type ClientConfig, readClientConfig } from './client-config.ts';
import { readTextFile } from './files.ts';
import { KafkaClient } from './kafka-client.ts';
import { PROFILE_VARIABLE, profileConfig, readProfiles } from './profiles.ts';

const BOOTSTRAP_VARIABLE = 'TIDELOG_BOOTSTRAP_SERVERS';
const BOOTSTRAP_DEFAULT = 'localhost:9092';

/** The client id under which brokers log requests of the command line. */
export const CLIENT_NAME = 'tidelog-cli';

/**
 * Runs `use` with a client of the cluster that the flags name, and closes it afterwards. Throws
 * CommandError.
 */
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

/** The connection settings from flags, a file and the environment. */
export interface Connection {
  readonly addresses: readonly [Address, ...Address[]];
  readonly config: ClientConfig;
  /** The content of the file with the trusted authorities. */
  readonly trustedAuthorities?: string;
}

/** Where and how to connect. Throws CommandError. */
export function connectionOf(flags: CommonFlags, io: CommandIo): Connection {
  const { config, bootstrapServers } = chosenConfig(flags, io);
  const outcome = parseAddresses(bootstrapServers);
  if (outcome.kind === 'invalid') throw usageError(outcome.problem);
  return {
    addresses: outcome.addresses,
    config,
    ...(config.trustedAuthorities !== undefined && { trustedAuthorities: readTextFile(config.trustedAuthorities) }),
  };
}

interface Chosen {
  readonly config: ClientConfig;
  readonly bootstrapServers: string;
}

/**
 * The cluster comes from the first of these that is set: --bootstrap-server, --client-config, the
 * profile of --profile or the environment, TIDELOG_BOOTSTRAP_SERVERS, the profile in use,
 * localhost. Credentials are only sent to the address that they were configured with: the profile
 * in use is ignored if anything else names a cluster.
 */
function chosenConfig(flags: CommonFlags, io: CommandIo): Chosen {
  const { bootstrapServer, clientConfig, profile: wanted = io.environment[PROFILE_VARIABLE] } = flags;
  if (clientConfig !== undefined && flags.profile !== undefined) {
    throw usageError('Give either --client-config or --profile.');
  }
  if (clientConfig !== undefined) return chosen(configIn(clientConfig), bootstrapServer, io);
  if (wanted) return chosen(profileConfig(wanted, io), bootstrapServer, io);
  const given = bootstrapServer ?? (io.environment[BOOTSTRAP_VARIABLE] || undefined);
  if (given !== undefined) return { config: { tls: false }, bootstrapServers: given };
  const { current } = readProfiles(io);
  if (current !== undefined) return chosen(profileConfig(current, io), undefined, io);
  return { config: { tls: false }, bootstrapServers: BOOTSTRAP_DEFAULT };
}

function chosen(config: ClientConfig, bootstrapServer: string | undefined, { environment }: CommandIo): Chosen {
  const bootstrapServers =
    bootstrapServer ?? config.bootstrapServers ?? (environment[BOOTSTRAP_VARIABLE] || BOOTSTRAP_DEFAULT);
  return { config, bootstrapServers };
}

function openClient(flags: CommonFlags, io: CommandIo): KafkaClient {
  return new KafkaClient({
    ...connectionOf(flags, io),
    timeoutMs: flags.timeout,
    clientName: CLIENT_NAME,
    clientVersion: VERSION,
  });
}

function configIn(path: string): ClientConfig {
  const outcome = readClientConfig(readTextFile(path));
  if (outcome.kind === 'invalid') throw usageError(`${path}: ${outcome.problem}`);
  return outcome.config;
}

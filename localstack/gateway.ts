import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Deployed } from './deploy.ts';
import { EndpointError } from './endpoint-error.ts';
import { LOOPBACK } from './ports.ts';
import { programArguments } from './work-folder.ts';

export interface GatewayOptions {
  /**
   * How the gateway reaches the log: through the functions' front door, by invoking the functions,
   * or directly on the tables and the bucket. Default: `http`.
   */
  readonly by?: 'http' | 'lambda' | 'stores';
  /** The port on 127.0.0.1 that Kafka clients connect to, 0 for any free one. Default: 0. */
  readonly port?: number;
}

/** A gateway to a deployed Tidelog, in its own process. */
export interface LocalGateway {
  /** The `bootstrap.servers` of Kafka clients: 'host:port'. */
  readonly bootstrapServers: string;
  /** Lets requests in progress finish, then ends it. */
  close(): Promise<void>;
}

/**
 * Runs `tidelog gateway` to a deployed Tidelog, so that Kafka clients have an address. It ends with
 * this process at the latest. Rejects with EndpointError, whose message is the gateway's own.
 */
export async function openGateway(deployed: Deployed, options: GatewayOptions = {}): Promise<LocalGateway> {
  const { by = 'http', port = 0 } = options;
  const flags = [...flagsFor(by, deployed), '--listeners', `PLAINTEXT://${LOOPBACK}:${port}`];
  const child = spawn(process.execPath, [...programArguments('lib/cli/main'), 'gateway', ...flags], {
    env: { ...withoutSettings(), ...deployed.environment, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const exited = once(child, 'exit').finally(() => process.off('exit', kill));
  const said: string[] = [];
  const bootstrapServers = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      const started = startedAt(line);
      if (started !== undefined) resolve(started);
    });
    child.once('close', () => reject(new EndpointError(`The gateway did not start: ${said.join('\n')}`)));
  });
  return {
    bootstrapServers,
    async close() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function flagsFor(by: 'http' | 'lambda' | 'stores', deployed: Deployed): readonly string[] {
  switch (by) {
    case 'http':
      return ['--via', deployed.via];
    case 'lambda':
      return ['--via', `lambda:${deployed.functionPrefix}`];
    case 'stores': {
      const { journalTable, stateTable, bucket } = deployed;
      return ['--direct', '--journal-table', journalTable, '--state-table', stateTable, '--bucket', bucket];
    }
  }
}

/** The addresses, if the line says that the gateway has started. */
function startedAt(line: string): string | undefined {
  try {
    const { event, bootstrapServers } = JSON.parse(line) as Record<string, unknown>;
    return event === 'started' ? String(bootstrapServers) : undefined;
  } catch {
    // A sentence about an error, not a log line.
    return undefined;
  }
}

function withoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS_|TIDELOG_)/.test(name)));
}

import { join } from 'node:path';
import { EndpointError } from './endpoint-error.ts';
import { untilHealthy } from './health.ts';
import { freePort, LOOPBACK } from './ports.ts';
import { lastLines, runProgram } from './run-program.ts';
import { packageRoot } from './work-folder.ts';

/** The time-out of starting. The image is pulled before; its container takes some ten seconds. */
const START_MS_MAX = 180_000;

/** Whether a Docker engine with the compose plug-in is reachable. */
export async function haveDocker(): Promise<boolean> {
  const engine = await runProgram('docker', ['info', '--format', '{{.ServerVersion}}']);
  if (engine.code !== 0) return false;
  return (await runProgram('docker', ['compose', 'version'])).code === 0;
}

/**
 * Starts LocalStack with localstack/compose.yaml and waits until it answers; one at a time per
 * machine. Throws EndpointError.
 *
 * @param port 0 for any free one
 * @returns its URL
 */
export async function startLocalstack(port: number): Promise<string> {
  const chosen = await freePort(port);
  const up = await compose(['up', '--detach'], chosen);
  if (up.code !== 0) throw new EndpointError(`LocalStack did not start: ${lastLines(up.output)}`);
  const url = `http://${LOOPBACK}:${chosen}`;
  if ((await untilHealthy(url, START_MS_MAX, () => false)) !== undefined) return url;
  const logs = await compose(['logs', '--tail', '5']);
  await stopLocalstack();
  throw new EndpointError(`LocalStack did not answer within ${START_MS_MAX / 1_000} s: ${lastLines(logs.output)}`);
}

/** Removes the container. Throws EndpointError. */
export async function stopLocalstack(): Promise<void> {
  const down = await compose(['down', '--volumes']);
  if (down.code !== 0) throw new EndpointError(`LocalStack did not stop: ${lastLines(down.output)}`);
}

function compose(args: readonly string[], port?: number) {
  const file = join(packageRoot(), 'localstack', 'compose.yaml');
  const env = { ...process.env, ...(port !== undefined && { TIDELOG_LOCALSTACK_PORT: String(port) }) };
  return runProgram('docker', ['compose', '--file', file, ...args], { env });
}

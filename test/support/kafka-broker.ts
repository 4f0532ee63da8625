import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiKey } from '../../lib/wire/apis.ts';
import { freePorts } from './free-ports.ts';
import { TcpClient } from './kafka-client.ts';
import { ARTIFACTS, LOG4J } from './kafka-tools.ts';
import { scaled } from './machine.ts';
import { fetchArtifacts } from './maven.ts';

/** Formatting and starting take 6 to 10 s on a quiet machine; beyond this it does not come up. */
const START_TIMEOUT_MS = 90_000;
/** It writes its state out when it is asked to end; what takes longer is killed. */
const STOP_TIMEOUT_MS = 20_000;
const POLL_MS = 100;

/** The second compiler is not worth its time here: a broker lives for a minute or two. */
const JAVA_FLAGS = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** Node id of the broker, which is its own controller. */
export const KAFKA_NODE_ID = 1;
/** What `format` writes into the log folder. */
export const KAFKA_CLUSTER_ID = 'c2l4dGVlbi1ieXRlcy1faQ';

/** Apache Kafka itself, one KRaft node as a process of the test, over a temporary folder and on free ports. */
export class KafkaBroker {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #folder: string;
  readonly #spawn: () => ChildProcess;
  #child: ChildProcess;

  private constructor(port: number, folder: string, spawnBroker: () => ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#spawn = spawnBroker;
    this.#child = spawnBroker();
  }

  /**
   * Starts it and waits until it takes connections and has registered itself.
   *
   * @param properties server.properties beyond those of a single node
   * @param features levels that differ from those of the release
   */
  static async start(
    properties: Readonly<Record<string, string>> = {},
    features: Readonly<Record<string, number>> = {},
  ): Promise<KafkaBroker> {
    const jars = await fetchArtifacts(ARTIFACTS);
    const folder = mkdtempSync(join(tmpdir(), 'tidelog-kafka-'));
    const [port, controllerPort] = await freePorts(2);
    const config = join(folder, 'server.properties');
    const log = join(folder, 'log4j2.properties');
    writeFileSync(log, LOG4J);
    writeFileSync(config, propertiesText({ ...nodeProperties(port!, controllerPort!, folder), ...properties }));
    const java = (main: string, args: readonly string[]) =>
      spawn('java', [...JAVA_FLAGS, `-Dlog4j2.configurationFile=${log}`, '-cp', join(jars, '*'), main, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    try {
      // Log folders that a broker before has formatted are taken over as they are.
      const format = ['format', '--standalone', '--ignore-formatted', '-t', KAFKA_CLUSTER_ID, '-c', config];
      const levels = Object.entries(features).flatMap(([name, level]) => ['--feature', `${name}=${level}`]);
      await succeeded(java('kafka.tools.StorageTool', [...format, ...levels]));
      const broker = new KafkaBroker(port!, folder, () => java('kafka.Kafka', [config]));
      await broker.#registered();
      return broker;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** 'host:port', as clients take it. */
  get bootstrap(): string {
    return `${this.host}:${this.port}`;
  }

  /** Ends the process and removes its folder. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const giveUp = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(giveUp);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Ends the process without a chance to do anything. */
  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** Starts it again after `kill`, over the same folder and on the same port. */
  async restart(): Promise<void> {
    this.#child = this.#spawn();
    await this.#registered();
  }

  async #registered(): Promise<void> {
    const child = this.#child;
    const said = output(child);
    const kill = () => child.kill('SIGKILL');
    process.on('exit', kill);
    void once(child, 'exit').finally(() => process.off('exit', kill));
    const giveUpAt = performance.now() + scaled(START_TIMEOUT_MS);
    for (;;) {
      if (child.exitCode !== null || performance.now() > giveUpAt) {
        kill();
        throw new Error(`Kafka did not start:\n${said()}`);
      }
      if (await this.#isListed()) return;
      await wait(POLL_MS);
    }
  }

  async #isListed(): Promise<boolean> {
    let client: TcpClient | undefined;
    try {
      client = await TcpClient.connect(this);
      const { brokers } = await client.ask(ApiKey.Metadata, 12, { topics: [] });
      return brokers.length > 0;
    } catch {
      return false;
    } finally {
      client?.close();
    }
  }
}

function nodeProperties(port: number, controllerPort: number, folder: string): Record<string, string> {
  const replication = ['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic'];
  return {
    'process.roles': 'broker,controller',
    'node.id': String(KAFKA_NODE_ID),
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    ...Object.fromEntries(replication.map((topic) => [`${topic}.replication.factor`, '1'])),
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.min.isr': '1',
  };
}

function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Collects what a process writes, so that it can be shown should it fail. */
function output(child: ChildProcess): () => string {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk) => {
      said += chunk;
    });
  }
  return () => said;
}

async function succeeded(child: ChildProcess): Promise<void> {
  const said = output(child);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code ?? signal}:\n${said()}`);
}

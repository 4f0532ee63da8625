import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrokerAddress, temporaryFolder } from './broker-process.ts';
import { freePort } from './free-ports.ts';
import { JavaProgram, type RunningJava } from './java-program.ts';
import { KAFKA_TOOLS_VERSION } from './kafka-tools.ts';

const MAIN = 'org.apache.kafka.connect.cli.ConnectDistributed';
const ARTIFACTS = ['connect-runtime', 'connect-file'].map((name) => `org.apache.kafka:${name}:${KAFKA_TOOLS_VERSION}`);

/** A worker with its address for requests. */
export interface Worker {
  readonly url: string;
  readonly process: RunningJava;
}

/** Workers of Kafka Connect, distributed, on one cluster. */
export class ConnectWorkers {
  readonly #program: JavaProgram;
  readonly #cluster: BrokerAddress;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #folder = temporaryFolder();

  private constructor(program: JavaProgram, cluster: BrokerAddress, settings: Readonly<Record<string, string>>) {
    this.#program = program;
    this.#cluster = cluster;
    this.#settings = settings;
  }

  /** `settings` are for the worker, on top of those that every one here has. */
  static async of(cluster: BrokerAddress, settings: Readonly<Record<string, string>> = {}): Promise<ConnectWorkers> {
    return new ConnectWorkers(await JavaProgram.of(MAIN, ARTIFACTS), cluster, settings);
  }

  /** Ends what still runs. */
  async close(): Promise<void> {
    await this.#program.close();
    this.#folder.remove();
  }

  async start(): Promise<Worker> {
    const address = `127.0.0.1:${await freePort()}`;
    const settings = {
      'bootstrap.servers': this.#cluster.bootstrap,
      'group.id': 'workers',
      'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'offset.storage.topic': 'connect-offsets',
      'config.storage.topic': 'connect-configs',
      'status.storage.topic': 'connect-status',
      'offset.storage.replication.factor': 1,
      'config.storage.replication.factor': 1,
      'status.storage.replication.factor': 1,
      'offset.flush.interval.ms': 1000,
      // Else a worker's tasks wait five minutes for it to come back.
      'scheduled.rebalance.max.delay.ms': 1000,
      'session.timeout.ms': 6000,
      'heartbeat.interval.ms': 1000,
      'consumer.session.timeout.ms': 6000,
      'consumer.heartbeat.interval.ms': 1000,
      listeners: `HTTP://${address}`,
      ...this.#settings,
    };
    const path = join(this.#folder.path, `worker-${address.split(':')[1]}.properties`);
    writeFileSync(
      path,
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    return { url: `http://${address}`, process: this.#program.start([path]) };
  }

  /** Creates a connector or changes its config; false if the worker does not take it now. */
  async configure(worker: Worker, name: string, config: object): Promise<boolean> {
    return (await ask(worker, `/connectors/${name}/config`, config)) !== undefined;
  }

  /** The config of a connector as the worker knows it; undefined if it does not answer. */
  async configOf(worker: Worker, name: string): Promise<unknown> {
    return ask(worker, `/connectors/${name}/config`);
  }

  /** Where the task of a connector runs, once it does: `HOST:PORT`. */
  async placeOf(worker: Worker, name: string): Promise<string | undefined> {
    const status = (await ask(worker, `/connectors/${name}/status`)) as
      | { tasks: { state: string; worker_id: string }[] }
      | undefined;
    return status?.tasks.find(({ state }) => state === 'RUNNING')?.worker_id;
  }

  /** Starts the tasks of a connector again that have failed, as whoever watches over it does. */
  async restartFailed(worker: Worker, name: string): Promise<void> {
    const path = `/connectors/${name}/restart?includeTasks=true&onlyFailed=true`;
    // A worker that is rebalancing takes it another time.
    await fetch(worker.url + path, { method: 'POST' }).catch(() => {});
  }
}

async function ask(worker: Worker, path: string, config?: object): Promise<unknown> {
  const sent = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(config) };
  const answer = await fetch(worker.url + path, config === undefined ? {} : sent).catch(() => undefined);
  return answer?.ok ? await answer.json() : undefined;
}

import { type BrokerAddress, type BrokerProcess, startBrokerProcess, temporaryFolder } from './broker-process.ts';
import { freePort } from './free-ports.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { TcpClient } from './kafka-client.ts';

/** TIDELOG_COMPAT_CLUSTER=kafka runs the tests that take a cluster against Apache Kafka, to see what they would have to see. */
const IS_KAFKA = process.env.TIDELOG_COMPAT_CLUSTER === 'kafka';

/** Who is tested, for names of tests. */
export const CLUSTER_NAME = IS_KAFKA ? 'Apache Kafka' : 'Tidelog';

/** A cluster of one node, always at the same address, which can be killed and started again. */
export interface Cluster extends BrokerAddress {
  /** Ends it without a chance to do anything. */
  kill(): Promise<void>;
  /** Starts it again over what it has stored. */
  restart(): Promise<void>;
  /** Ends it and removes what it has stored. */
  close(): Promise<void>;
}

export interface ClusterOptions {
  /** The level of the feature `transaction.version`; the newest by default. */
  readonly transactionVersion?: number;
}

/** A client that sends requests to a cluster. */
export function clientOf({ bootstrap }: BrokerAddress): Promise<TcpClient> {
  const [host, port] = bootstrap.split(':') as [string, string];
  return TcpClient.connect({ host, port: Number(port) });
}

export function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  return IS_KAFKA ? startKafka(options) : startTidelog(options);
}

async function startKafka({ transactionVersion }: ClusterOptions): Promise<Cluster> {
  const features = transactionVersion === undefined ? {} : { 'transaction.version': transactionVersion };
  const broker = await KafkaBroker.start({ 'transaction.state.log.num.partitions': '4' }, features);
  return {
    bootstrap: broker.bootstrap,
    kill: () => broker.kill(),
    restart: () => broker.restart(),
    close: () => broker.stop(),
  };
}

async function startTidelog({ transactionVersion }: ClusterOptions): Promise<Cluster> {
  const folder = temporaryFolder();
  const port = await freePort();
  const version = transactionVersion === undefined ? [] : ['--transaction-version', String(transactionVersion)];
  const flags = ['--listeners', `PLAINTEXT://127.0.0.1:${port}`, ...version];
  let broker: BrokerProcess = await startBrokerProcess(folder.path, flags);
  return {
    bootstrap: broker.bootstrap,
    kill: () => broker.kill(),
    async restart() {
      broker = await startBrokerProcess(folder.path, flags);
    },
    async close() {
      await broker.stop();
      folder.remove();
    },
  };
}

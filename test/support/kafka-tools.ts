import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerAddress } from './broker-process.ts';
import { fetchArtifacts } from './maven.ts';

export const KAFKA_TOOLS_VERSION = '4.3.1';

/** The tools, the broker with the one tool that is still in its jar, and a log that does not go to stdout. */
export const ARTIFACTS = [
  `org.apache.kafka:kafka-tools:${KAFKA_TOOLS_VERSION}`,
  `org.apache.kafka:kafka_2.13:${KAFKA_TOOLS_VERSION}`,
  'org.apache.logging.log4j:log4j-core:2.25.2',
  'org.apache.logging.log4j:log4j-slf4j-impl:2.25.2',
];

export const LOG4J = `rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = STDERR
appender.stderr.type = Console
appender.stderr.name = STDERR
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c %m%n
`;

/** The classes behind the scripts of a Kafka distribution. */
const CLASSES = {
  'client-compatibility-test': 'org.apache.kafka.tools.ClientCompatibilityTest',
  'kafka-broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  'kafka-cluster': 'org.apache.kafka.tools.ClusterTool',
  'kafka-configs': 'kafka.admin.ConfigCommand',
  'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'kafka-features': 'org.apache.kafka.tools.FeatureCommand',
  'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-leader-election': 'org.apache.kafka.tools.LeaderElectionCommand',
  'kafka-log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  'kafka-metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  'kafka-producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
  'kafka-reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-transactions': 'org.apache.kafka.tools.TransactionsCommand',
  'kafka-verifiable-producer': 'org.apache.kafka.tools.VerifiableProducer',
} as const;

export type ToolName = keyof typeof CLASSES;

/** A tool that takes longer hangs. */
const RUN_TIMEOUT_MS = 60_000;

/** What a tool did. */
export interface ToolRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Kafka's own command line tools, unmodified. */
export class KafkaTools {
  readonly #jars: string;
  readonly #folder: string;
  readonly #broker: BrokerAddress;

  private constructor(jars: string, broker: BrokerAddress) {
    this.#jars = jars;
    this.#broker = broker;
    this.#folder = mkdtempSync(join(tmpdir(), 'tidelog-tools-'));
    writeFileSync(join(this.#folder, 'log4j2.properties'), LOG4J);
  }

  /** Fetches the tools, if that was not done before. Throws if Maven fails. */
  static async of(broker: BrokerAddress): Promise<KafkaTools> {
    const tools = new KafkaTools(await fetchArtifacts(ARTIFACTS), broker);
    await tools.#archiveClasses();
    return tools;
  }

  /** Halves the start of every further tool: Java keeps the classes that this run has loaded as it needs them. */
  async #archiveClasses(): Promise<void> {
    const { code, err } = await this.#java(
      [`-XX:ArchiveClassesAtExit=${this.#archive}`],
      'kafka-topics',
      ['--list'],
      '',
    );
    if (code !== 0) throw new Error(`kafka-topics --list ended with ${code}:\n${err}`);
  }

  get #archive(): string {
    return join(this.#folder, 'classes.jsa');
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Runs a tool against the broker to its end, whatever that is. */
  run(tool: ToolName, args: readonly string[], stdin = ''): Promise<ToolRun> {
    return this.#java([`-XX:SharedArchiveFile=${this.#archive}`], tool, args, stdin);
  }

  async #java(options: readonly string[], tool: ToolName, args: readonly string[], stdin: string): Promise<ToolRun> {
    // Only the first compiler and the simple collector: these programs live for a second.
    const java = [...options, '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-cp', join(this.#jars, '*')];
    const log = `-Dlog4j2.configurationFile=${join(this.#folder, 'log4j2.properties')}`;
    const server = ['--bootstrap-server', this.#broker.bootstrap];
    const child = spawn('java', [...java, log, CLASSES[tool], ...withServer(tool, args, server)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: RUN_TIMEOUT_MS,
    });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said.err += text;
    });
    child.stdin.on('error', () => {}).end(stdin);
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...said };
  }

  /** The same with what it wrote to stdout; throws unless it exits with 0. */
  async output(tool: ToolName, args: readonly string[], stdin = ''): Promise<string> {
    const { code, out, err } = await this.run(tool, args, stdin);
    if (code !== 0) throw new Error(`${tool} ${args.join(' ')} ended with ${code}:\n${out}\n${err}`);
    return out;
  }
}

/** kafka-cluster wants its command in front of the server, the others want it behind. */
function withServer(tool: ToolName, args: readonly string[], server: readonly string[]): string[] {
  const [first, ...rest] = args;
  if (tool !== 'kafka-cluster' || first === undefined) return [...server, ...args];
  return [first, ...server, ...rest];
}

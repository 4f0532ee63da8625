import { join } from 'node:path';
import { type BrokerAddress, temporaryFolder } from './broker-process.ts';
import { JavaProgram, type RunningJava } from './java-program.ts';
import { KAFKA_TOOLS_VERSION } from './kafka-tools.ts';
import { until } from './waiting.ts';

const SOURCE = join(import.meta.dirname, '../compat/java/WordCount.java');
const PATIENCE = { withinMs: 60_000, everyMs: 50 };

/** What the word count has told after so many words. */
export interface Counted {
  /** The last count of each word, as Java prints a map. */
  readonly counts: string;
  /** How often a count was not the one before plus 1, in the order in which they were read. */
  readonly jumps: number;
}

/** What the counts are after so many lines, each of which has two words; `lines` is a multiple of 4. */
export function countsAfter(lines: number): string {
  const words = [0, 1, 2, 3].map((word) => `word${word}=${lines / 4}`);
  return `{the=${lines}, ${words.join(', ')}}`;
}

/** Resolves once a program has printed a text; throws if it ends before. */
export async function untilPrinted(application: RunningJava, text: string): Promise<void> {
  const isPrinted = () => {
    if (!application.isRunning) throw new Error(`it has ended: ${application.out}\n${application.err}`);
    return application.out.includes(text);
  };
  await until(isPrinted, `"${text}"`, PATIENCE);
}

/** How many records each restored partition of the store was made of, as an application has printed. */
export function restoredOf({ out }: RunningJava): number[] {
  return [...out.matchAll(/restored word-count-store-changelog-\d (\d+)/g)].map(([, records]) => Number(records));
}

/** The Kafka Streams application of test/compat/java/WordCount.java on one cluster. */
export class WordCount {
  readonly #program: JavaProgram;
  readonly #cluster: BrokerAddress;
  readonly #folder = temporaryFolder();

  private constructor(program: JavaProgram, cluster: BrokerAddress) {
    this.#program = program;
    this.#cluster = cluster;
  }

  /** Compiles it and makes its topics. */
  static async setUp(cluster: BrokerAddress): Promise<WordCount> {
    const artifacts = [`org.apache.kafka:kafka-streams:${KAFKA_TOOLS_VERSION}`];
    const words = new WordCount(await JavaProgram.compile(SOURCE, artifacts), cluster);
    await words.#run(['setup']);
    return words;
  }

  /** Ends what still runs. */
  async close(): Promise<void> {
    await this.#program.close();
    this.#folder.remove();
  }

  /** Starts an instance with its state in a folder of this name; settings are `NAME=VALUE`. */
  start(state: string, ...settings: string[]): RunningJava {
    return this.#program.start([this.#cluster.bootstrap, 'run', join(this.#folder.path, state), ...settings]);
  }

  /** Writes so many lines. */
  async produce(lines: number): Promise<void> {
    await this.#run(['produce', String(lines)]);
  }

  /** What was counted, once the counts of all words add up to those of so many lines. */
  async counted(lines: number, ...settings: string[]): Promise<Counted> {
    const out = await this.#run(['counts', String(2 * lines), ...settings]);
    const [counts, jumps] = out.trim().split('\n');
    return { counts: counts!, jumps: Number(jumps!.replace('jumps ', '')) };
  }

  async #run(args: readonly string[]): Promise<string> {
    const { out, err } = await this.#program.run([this.#cluster.bootstrap, ...args]);
    if (err.includes('Exception')) throw new Error(`${args.join(' ')}: ${err}`);
    return out;
  }
}

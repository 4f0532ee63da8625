import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../lib/run/start.ts';
import { startMemoryTidelog } from '../integration/cli/cli-run.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { fetchOffsets, offsetsIn } from '../support/offset-requests.ts';
import { batchOf, createTopic, produce, type TopicName } from '../support/requests.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const RECORDS = 120;
/** How much work each run gets done before it is killed; the last one goes on to the end. */
const KILLED_AFTER = [25, 40];
const VALUES = Array.from({ length: RECORDS }, (_, i) => String(i + 1));
const TIMEOUT_MS = scaled(60_000);

const folder = temporaryFolder();
let tidelog: Tidelog;
let client: TcpClient;
let topic: TopicName;

beforeAll(async () => {
  tidelog = await startMemoryTidelog();
  const [host, port] = tidelog.bootstrapServers.split(':');
  client = await TcpClient.connect({ host: host!, port: Number(port) });
  topic = await createTopic(client, 'orders', { partitions: 2 });
  for (const [i, value] of VALUES.entries()) await produce(client, topic, batchOf([value]), { partition: i % 2 });
});

afterAll(async () => {
  client.close();
  await tidelog.close();
  folder.remove();
});

/** A program of examples/ that runs until it is killed. */
class Program {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  #said = '';

  constructor(name: string, ...args: string[]) {
    const command = ['--import', 'tsx', join(ROOT, 'examples', name), tidelog.bootstrapServers, topic.name, ...args];
    this.#child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], cwd: ROOT });
    let rest = '';
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      this.lines.push(...parts);
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
  }

  /** Waits for something; throws if the program ends before. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      if (this.#child.exitCode !== null)
        throw new Error(`the program ended with ${this.#child.exitCode}: ${this.#said}`);
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  /** kill -9 */
  async kill(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

/** Runs a program of a group, kills it twice in the middle of its work, and lets it come to the end; all that it printed. */
async function printed(name: string, group: string): Promise<string[]> {
  const lines: string[] = [];
  for (const count of [...KILLED_AFTER, Number.POSITIVE_INFINITY]) {
    const program = new Program(name, group);
    const isAtEnd = async () => {
      const offsets = offsetsIn(await fetchOffsets(client, group, topic, [0, 1]));
      return offsets.every((offset) => offset === RECORDS / 2);
    };
    await program.until(() => (count < RECORDS ? program.lines.length >= count : isAtEnd()));
    // At the end the last record may still be on its way to the screen.
    if (count > RECORDS) await new Promise((done) => setTimeout(done, 200));
    await program.kill();
    lines.push(...program.lines);
  }
  return lines;
}

describe('a program that consumes', () => {
  it(
    'at most once never does anything twice, whenever it is killed',
    async () => {
      const lines = await printed('consume-at-most-once.ts', 'at-most');
      expect(new Set(lines).size).toBe(lines.length);
      // Each crash costs the record in hand and no more.
      expect(lines.length).toBeGreaterThanOrEqual(RECORDS - KILLED_AFTER.length);
    },
    TIMEOUT_MS,
  );

  it(
    'at least once leaves nothing out, whenever it is killed',
    async () => {
      const lines = await printed('consume-at-least-once.ts', 'at-least');
      expect([...new Set(lines)].sort()).toEqual([...VALUES].sort());
      // Each crash repeats the record in hand and no more.
      expect(lines.length).toBeLessThanOrEqual(RECORDS + KILLED_AFTER.length);
    },
    TIMEOUT_MS,
  );

  it(
    'exactly once, with its offsets stored with its results, counts each record once, whenever it is killed',
    async () => {
      const path = join(folder.path, 'sums.json');
      const results = () => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { count: 0 });
      const doneAt: number[] = [];
      for (const count of [...KILLED_AFTER, RECORDS]) {
        const program = new Program('consume-exactly-once.ts', path);
        await program.until(() => results().count >= Math.min(count, RECORDS));
        await program.kill();
        doneAt.push(results().count);
      }
      const sum = (RECORDS * (RECORDS + 1)) / 2;
      expect(results()).toEqual({ offsets: { 0: RECORDS / 2, 1: RECORDS / 2 }, count: RECORDS, sum });
      expect(doneAt[0]).toBeLessThan(RECORDS);
    },
    TIMEOUT_MS,
  );
});

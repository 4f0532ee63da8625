import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARTIFACTS, LOG4J } from './kafka-tools.ts';
import { scaled } from './machine.ts';
import { fetchArtifacts } from './maven.ts';

/** It takes two seconds on a quiet machine. */
const RUN_TIMEOUT_MS = 60_000;

/** What kafka-dump-log printed, by file. */
export interface LogDump {
  readonly linesOf: ReadonlyMap<string, readonly string[]>;
  /** Complaints; empty if it found everything in order. */
  readonly err: string;
}

/** Runs Kafka's kafka-dump-log on files. Throws unless it exits with 0. */
export async function dumpLog(options: readonly string[], files: readonly string[]): Promise<LogDump> {
  const jars = await fetchArtifacts(ARTIFACTS);
  const folder = mkdtempSync(join(tmpdir(), 'tidelog-dump-'));
  const log = join(folder, 'log4j2.properties');
  writeFileSync(log, LOG4J);
  const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', `-Dlog4j2.configurationFile=${log}`];
  const main = ['-cp', join(jars, '*'), 'org.apache.kafka.tools.DumpLogSegments'];
  const child = spawn('java', [...java, ...main, ...options, '--files', files.join(',')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: scaled(RUN_TIMEOUT_MS),
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  rmSync(folder, { recursive: true, force: true });
  if (code !== 0) throw new Error(`kafka-dump-log ended with ${code}:\n${out}\n${err}`);
  const linesOf = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of out.split('\n').slice(0, -1)) {
    const [, file] = /^Dumping (.*)$/.exec(line) ?? [];
    if (file === undefined) lines.push(line);
    else {
      lines = [];
      linesOf.set(file, lines);
    }
  }
  return { linesOf, err };
}

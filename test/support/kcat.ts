import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { BrokerAddress } from './broker-process.ts';

export interface KcatInput {
  /** What it reads, or the file with it. */
  readonly stdin?: string | Buffer;
  readonly file?: string;
}

/** Runs kcat against a broker to its end; what it wrote. Throws unless it exits with 0 and complains of nothing. */
export async function kcat(broker: BrokerAddress, args: readonly string[], input: KcatInput = {}): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await run(broker, args, input, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

/** The same with only the SHA-256 and the number of the bytes that it wrote. */
export async function kcatHash(
  broker: BrokerAddress,
  args: readonly string[],
): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await run(broker, args, {}, (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  return { hash: hash.digest('hex'), bytes };
}

async function run(
  broker: BrokerAddress,
  args: readonly string[],
  input: KcatInput,
  onChunk: (chunk: Buffer) => void,
): Promise<void> {
  const child = spawn('kcat', ['-b', broker.bootstrap, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdout.on('data', onChunk);
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  if (input.file !== undefined) createReadStream(input.file).pipe(child.stdin);
  else child.stdin.end(input.stdin ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  // Progress in verbose modes begins with '%' and a space; errors and warnings of librdkafka with '%' and a level.
  const wrong = complaints.split('\n').filter((line) => /^%[0-9]|ERROR|error/.test(line));
  if (code !== 0 || wrong.length > 0) throw new Error(`kcat ${args.join(' ')} ended with ${code}: ${complaints}`);
}

/** One record as kcat shows it. */
export interface KcatRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string;
  readonly headers: string;
  readonly value: string;
}

const FORMAT = '%p\\t%o\\t%T\\t%k\\t%h\\t%s\\n';

/** Reads a topic to its end. `from` is as for kcat's -o. Keys, headers and values may have no tabs or line ends. */
export async function kcatRead(
  broker: BrokerAddress,
  topic: string,
  from = 'beginning',
  more: readonly string[] = [],
): Promise<KcatRecord[]> {
  const out = await kcat(broker, ['-C', '-t', topic, '-o', from, '-e', '-q', '-f', FORMAT, ...more]);
  const lines = out.toString('utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [partition, offset, timestamp, key, headers, value] = line.split('\t');
    return {
      partition: Number(partition),
      offset: Number(offset),
      timestamp: Number(timestamp),
      key: key!,
      headers: headers!,
      value: value!,
    };
  });
}

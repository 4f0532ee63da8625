import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../../support/broker-process.ts';
import { kcatVersion } from '../../support/tools.ts';
import { quantile } from '../statistics.ts';

// Records by REST v3 next to the same records by kcat, to a `tidelog dev` of their own: docs/PERFORMANCE.md.
// Run it with: npm run bench:rest

const { values: options } = parseArgs({
  options: { requests: { type: 'string', default: '2000' }, records: { type: 'string', default: '100000' } },
});
/** Of each case with a request per record or batch. */
const REQUESTS = Number(options.requests);
/** Of each case that sends all records at once. */
const RECORDS = Number(options.records);
const VALUE = 'x'.repeat(100);
const BATCH = 100;
/** Before a case counts. */
const WARM_UP = 200;

interface Row {
  readonly name: string;
  readonly records: number;
  readonly seconds: number;
  /** Of the requests, ascending; ms. */
  readonly latencies?: readonly number[];
}

const folder = temporaryFolder();
const broker = await startBrokerProcess(join(folder.path, 'data'));
const rows: Row[] = [];
try {
  const rest = String(broker.log.find(({ event }) => event === 'started')!.rest);
  const listed = (await (await fetch(`${rest}/v3/clusters`)).json()) as { data: { cluster_id: string }[] };
  const topics = `${rest}/v3/clusters/${listed.data[0]!.cluster_id}/topics`;
  const record = JSON.stringify({ value: { type: 'STRING', data: VALUE } });
  const entries = Array.from({ length: BATCH }, (_, id) => `{"id":"${id}",${record.slice(1)}`);
  const batch = `{"entries":[${entries.join(',')}]}`;
  rows.push(await posts('POST records, one at a time', `${topics}/one/records`, record, 1, 1));
  rows.push(await posts('POST records, 32 at a time', `${topics}/many/records`, record, 1, 32));
  rows.push(
    await posts(`POST records:batch of ${BATCH}, one at a time`, `${topics}/batch/records:batch`, batch, BATCH, 1),
  );
  rows.push(
    await posts(`POST records:batch of ${BATCH}, 8 at a time`, `${topics}/batches/records:batch`, batch, BATCH, 8),
  );
  rows.push(await stream(`${topics}/stream/records`, record));
  rows.push(
    await kcatRow(broker, 'kcat -P, acknowledged one by one', 'kcat-one', REQUESTS, [
      '-X',
      'max.in.flight=1',
      '-X',
      'batch.num.messages=1',
      '-X',
      'linger.ms=0',
    ]),
  );
  rows.push(await kcatRow(broker, 'kcat -P', 'kcat', RECORDS, []));
} finally {
  await broker.stop();
  folder.remove();
}
console.log('| case | records | records/s | p50 ms | p99 ms |\n|---|---|---|---|---|');
for (const { name, records, seconds, latencies } of rows) {
  const shown = (share: number) => (latencies === undefined ? '' : quantile(latencies, share).toFixed(1));
  console.log(`| ${name} | ${records} | ${Math.round(records / seconds)} | ${shown(0.5)} | ${shown(0.99)} |`);
}
const load = loadavg()[0]!.toFixed(1);
console.log(
  `\n${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${kcatVersion()}, load average ${load} at the end`,
);

/** The same request again and again, over connections that stay. */
async function posts(name: string, url: string, body: string, each: number, atOnce: number): Promise<Row> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const some = async (count: number) => {
    const latencies: number[] = [];
    let left = count;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left-- > 0) {
          const began = performance.now();
          await post(url, body, agent);
          latencies.push(performance.now() - began);
        }
      }),
    );
    return latencies;
  };
  await some(WARM_UP);
  const began = performance.now();
  const latencies = await some(REQUESTS);
  const seconds = (performance.now() - began) / 1_000;
  agent.destroy();
  return { name, records: REQUESTS * each, seconds, latencies: latencies.sort((a, b) => a - b) };
}

async function post(url: string, body: string, agent: Agent): Promise<void> {
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  const sent = request(url, { method: 'POST', headers, agent });
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const isStored = response.statusCode === 207 ? text.includes('"failures":[]') : text.includes('"error_code":200');
  if (!isStored) throw new Error(`${response.statusCode}: ${text.slice(0, 500)}`);
}

/** All records in one request; it ends with the report on the last one. */
async function stream(url: string, record: string): Promise<Row> {
  const began = performance.now();
  const sent = request(url, { method: 'POST', headers: { 'Content-Type': 'application/json' } });
  const piece = `${record}\n`.repeat(BATCH);
  const answered = once(sent, 'response').then(async ([response]) => {
    const chunks: string[] = [];
    for await (const chunk of response.setEncoding('utf8')) chunks.push(chunk);
    return chunks.join('').split('"error_code":200').length - 1;
  });
  for (let count = 0; count < RECORDS; count += BATCH) {
    if (!sent.write(piece)) await once(sent, 'drain');
  }
  sent.end();
  const stored = await answered;
  if (stored !== RECORDS) throw new Error(`${stored} of ${RECORDS} records were stored`);
  return { name: 'POST records, a stream', records: RECORDS, seconds: (performance.now() - began) / 1_000 };
}

/** From its start to its end: about 30 ms of it is the start. */
async function kcatRow(
  to: BrokerProcess,
  name: string,
  topic: string,
  records: number,
  flags: readonly string[],
): Promise<Row> {
  const began = performance.now();
  const child = spawn('kcat', ['-b', to.bootstrap, '-P', '-t', topic, ...flags], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin.end(`${VALUE}\n`.repeat(records));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`kcat ended with ${code}`);
  return { name, records, seconds: (performance.now() - began) / 1_000 };
}

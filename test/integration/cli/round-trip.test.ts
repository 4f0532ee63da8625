import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { openBatch } from '../../../lib/records/record.ts';
import type { Tidelog } from '../../../lib/run/start.ts';
import { TcpClient } from '../../support/kafka-client.ts';
import { batchesIn, createTopic, fetch, produce, type TopicName } from '../../support/requests.ts';
import { cliOf, runCli, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
let client: TcpClient;
const cli = cliOf(() => tidelog.bootstrapServers);
const T0 = 1_700_000_000_000;
const latin1 = (text: string) => Buffer.from(text, 'latin1');

beforeAll(async () => {
  tidelog = await startMemoryTidelog({ 'num.partitions': '1' });
  client = await TcpClient.connect(tidelog.gateway.addresses.get('PLAINTEXT')!);
});
afterAll(async () => {
  client.close();
  await tidelog.close();
});

/** Everything that a record's bytes say, names of headers as bytes. */
async function stored(topic: TopicName) {
  const { records } = await fetch(client, topic);
  return batchesIn(records).flatMap(({ header, bytes }) => {
    const cursor = openBatch(bytes, header);
    const { payload } = cursor;
    const hex = (start: number, length: number) => (length < 0 ? null : payload.toString('hex', start, start + length));
    const found: unknown[] = [];
    while (cursor.next()) {
      const headers: unknown[] = [];
      cursor.eachHeader((keyStart, keyLength, start, length) => {
        headers.push([hex(keyStart, keyLength), hex(start, length)]);
      });
      const { timestamp, keyStart, keyLength, valueStart, valueLength } = cursor;
      found.push({ timestamp, key: hex(keyStart, keyLength), value: hex(valueStart, valueLength), headers });
    }
    return found;
  });
}

const NONE = { timestamp: T0, key: null, value: null, headers: [] };
const EMPTY = Buffer.alloc(0);
/** Names as bytes: the encoder of earlier versions took texts alone. */
const header = (key: Buffer, value: Buffer | null) => ({ key: key as Buffer & string, value });

it.each([
  ['no timestamp', [{ ...NONE, timestamp: -1 }]],
  [
    'a timestamp before 1970',
    [
      { ...NONE, timestamp: -2 },
      { ...NONE, timestamp: -1_000_000_000 },
    ],
  ],
  ['timestamps of all kinds in one batch', [NONE, { ...NONE, timestamp: -1 }, { ...NONE, timestamp: 0 }]],
  [
    'null, empty and binary keys and values',
    [
      NONE,
      { ...NONE, key: EMPTY, value: EMPTY },
      { ...NONE, key: latin1('\xff\x00\n'), value: latin1('\xc3') },
      { ...NONE, key: Buffer.from('\ufeffü\u2028"\\\0'), value: Buffer.from('null') },
    ],
  ],
  [
    'headers that are no text, empty, null and twice there',
    [
      { ...NONE, headers: [header(latin1('caf\xe9'), latin1('x')), header(Buffer.from('café'), latin1('\x80'))] },
      { ...NONE, headers: [header(EMPTY, EMPTY), header(latin1('a'), null), header(latin1('a'), latin1('b'))] },
    ],
  ],
])('consume --format json and produce -f json copy %s', async (name, records) => {
  const topic = (text: string) => `${text}-${name.replace(/[^a-z0-9]/gi, '-')}`;
  const from = await createTopic(client, topic('from'));
  const to = await createTopic(client, topic('to'));
  await produce(client, from, encodeBatch(records));
  const environment = { TIDELOG_BOOTSTRAP_SERVERS: tidelog.bootstrapServers };
  for (const [index, args] of [[], ['--group', 'copiers']].entries()) {
    const read = runCli(['consume', from.name, '--until-end', '--format', 'json', ...args], { environment });
    expect([await read.exitCode, read.err()]).toEqual([0, '']);
    const written = await cli(['produce', to.name, '-f', 'json'], { input: read.out() });
    expect(written).toEqual({ exitCode: 0, out: '', err: '' });
    expect((await stored(to)).slice(index * records.length)).toEqual(await stored(from));
  }
});

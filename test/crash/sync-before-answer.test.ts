import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { batchOf, createTopic, produce } from '../support/requests.ts';
import { answerWindows, type FlushKind, findHaste } from './durability.ts';
import { parseTrace, type TracedCall } from './trace.ts';
import { startTracedBroker, type TracedBroker, whyNoTrace } from './traced-broker.ts';

const ROUNDS = 3;
const INLINE_BYTES = 30_000;
/** Above what the embedded store takes into an entry; the record has its value twice, in its key too. */
const OBJECT_BYTES = 350_000;

const reason = whyNoTrace();
const required = process.env.TIDELOG_REQUIRE_ALL === '1';
if (reason !== undefined && !required) process.stderr.write(`skipped: syncs cannot be traced, ${reason}\n`);

const folder = temporaryFolder();
let broker: TracedBroker | undefined;
afterAll(() => {
  broker?.kill();
  folder.remove();
});

describe('an answer to a producer', () => {
  it.skipIf(reason !== undefined && !required)(
    'leaves after its data is on the disk, by the trace of a broker',
    async () => {
      expect(reason).toBeUndefined();
      broker = await startTracedBroker(folder.path);
      const client = await TcpClient.connect(broker);
      const topic = await createTopic(client, 'traced');
      const port = client.raw.socket.localPort;
      const asked: { kind: FlushKind; bytes: number }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        for (const [kind, bytes] of [
          ['inline', INLINE_BYTES],
          ['object', OBJECT_BYTES],
        ] as const) {
          const answer = await produce(client, topic, batchOf(['x'.repeat(bytes)]));
          expect(answer.errorCode).toBe(0);
          asked.push({ kind, bytes });
        }
      }
      client.close();
      const calls = parseTrace(await broker.stop());
      const windows = answerWindows(calls, `127.0.0.1:${port}`);
      // The first answer is that to the topic's creation.
      expect(windows).toHaveLength(asked.length + 1);
      const haste = asked.map(({ kind, bytes }, index) => findHaste(calls, windows[index + 1]!, kind, bytes));
      expect(haste).toEqual(asked.map(() => []));
    },
  );
});

const CLIENT = '127.0.0.1:5000';
const SOCKET = `TCP:[127.0.0.1:9092->${CLIENT}]`;
const DATA = '/d/items/data.mdb';
const OBJECT = '/d/blobs/tmp~~/0a';

/** A trace whose calls begin one after the other, 10 ms apart, each lasting 5 ms unless `lasting` says longer. */
function traceOf(lines: readonly { thread?: number; call: string; lasting?: number }[]): TracedCall[] {
  const text = lines.map(({ thread = 1, call, lasting = 0.005 }, index) => {
    const [, before, result] = /^(.*) = (.*)$/.exec(call)!;
    return `${thread}  ${(1000 + index / 100).toFixed(6)} ${before} = ${result} <${lasting.toFixed(6)}>`;
  });
  return parseTrace(text.join('\n'));
}

const OPEN = { call: `openat(AT_FDCWD</d>, "${DATA}", O_WRONLY|O_DSYNC|O_CLOEXEC) = 8<${DATA}>` };
const REQUEST = { call: `read(30<${SOCKET}>, ""..., 65536) = 500` };
const PAGES = { thread: 2, call: `writev(7<${DATA}>, [...], 2) = 8192` };
const SYNC = { thread: 2, call: `fdatasync(7<${DATA}>) = 0` };
const META = { thread: 2, call: `pwrite64(8<${DATA}>, ""..., 128, 40) = 128` };
const ANSWER = { call: `write(30<${SOCKET}>, ""..., 60) = 60` };
const OBJECT_DATA = { thread: 3, call: `write(9<${OBJECT}>, ""..., 8000) = 8000` };
const OBJECT_SYNC = { thread: 4, call: `fdatasync(9<${OBJECT}>) = 0` };
const RENAME = { thread: 3, call: `rename("${OBJECT}", "/d/blobs/wal/1~") = 0` };
const DIRECTORY_SYNC = { thread: 4, call: 'fsync(11</d/blobs/wal>) = 0' };

function hasteIn(kind: FlushKind, lines: readonly { thread?: number; call: string; lasting?: number }[]): string[] {
  const calls = traceOf([OPEN, ...lines]);
  const [window] = answerWindows(calls, CLIENT);
  return findHaste(calls, window!, kind, 8_000);
}

describe('the check of a trace', () => {
  it('finds nothing wrong with the right order', () => {
    expect(hasteIn('inline', [REQUEST, PAGES, SYNC, META, ANSWER])).toEqual([]);
    const object = [OBJECT_DATA, OBJECT_SYNC, RENAME, DIRECTORY_SYNC];
    expect(hasteIn('object', [REQUEST, ...object, PAGES, SYNC, META, ANSWER])).toEqual([]);
  });

  it.each([
    ['no sync', [REQUEST, PAGES, META, ANSWER]],
    ['a failed sync', [REQUEST, PAGES, { thread: 2, call: `fdatasync(7<${DATA}>) = -1` }, META, ANSWER]],
    ['an answer before the meta page', [REQUEST, PAGES, SYNC, ANSWER, META]],
    ['an answer while the meta page is written', [REQUEST, PAGES, SYNC, { ...META, lasting: 0.05 }, ANSWER]],
    ['a meta page before the sync is over', [REQUEST, PAGES, { ...SYNC, lasting: 0.05 }, META, ANSWER]],
    ['pages after the sync', [REQUEST, SYNC, PAGES, META, ANSWER]],
    ['no pages', [REQUEST, SYNC, META, ANSWER]],
    ['a sync of before the request', [PAGES, SYNC, META, REQUEST, ANSWER]],
    [
      'fewer bytes than the payload',
      [REQUEST, { thread: 2, call: `pwrite64(7<${DATA}>, ""..., 4096) = 4096` }, SYNC, META, ANSWER],
    ],
  ])('finds %s', (_, lines) => {
    expect(hasteIn('inline', lines)).toHaveLength(1);
  });

  it.each([
    ['an object that is not synced', [OBJECT_DATA, RENAME, DIRECTORY_SYNC, PAGES]],
    ['a name before the sync', [OBJECT_DATA, RENAME, OBJECT_SYNC, DIRECTORY_SYNC, PAGES]],
    ['a name that is not synced', [OBJECT_DATA, OBJECT_SYNC, RENAME, PAGES]],
    ['an entry before its object', [PAGES, OBJECT_DATA, OBJECT_SYNC, RENAME, DIRECTORY_SYNC]],
    ['no object', [PAGES]],
  ])('finds %s', (_, lines) => {
    expect(hasteIn('object', [REQUEST, ...lines, SYNC, META, ANSWER])).toHaveLength(1);
  });

  it('puts calls together again that other threads interrupted', () => {
    const [call] = parseTrace(
      [
        `7  1000.100000 fdatasync(7<${DATA}> <unfinished ...>`,
        `8  1000.150000 write(30<${SOCKET}>, ""..., 60 <unfinished ...>`,
        '7  1000.200000 <... fdatasync resumed>) = 0 <0.100000>',
        '9  1000.300000 +++ exited with 0 +++',
      ].join('\n'),
    );
    expect(call).toMatchObject({ thread: 7, name: 'fdatasync', fd: 7, target: DATA, start: 1000.1, result: 0 });
    expect(call!.end).toBeCloseTo(1000.2, 6);
  });
});

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Random } from '../../lib/core/random.ts';
import { scaled } from './machine.ts';

/** What came of requests that were sent as bytes. */
export interface HttpTally {
  requests: number;
  /** Answers by status. */
  readonly statuses: Map<number, number>;
  /** Requests that were answered with 5xx, for the report. */
  readonly failures: string[];
}

/** Connections at a time. */
const CONNECTIONS = 6;

/** Until a connection is left whose answer does not come, at most: many requests never end; ms. */
const PATIENCE_MS_MAX = 400;

const PARTS_MAX = 3;

/**
 * Sends requests that are nearly right for `durationMs`: whole, cut off, in pieces, with bytes that
 * are changed, left out, doubled or foreign. Each connection is closed or reset in the end.
 */
export async function sendRandomHttp(
  port: number,
  templates: readonly string[],
  random: Random,
  durationMs: number,
): Promise<HttpTally> {
  const tally: HttpTally = { requests: 0, statuses: new Map(), failures: [] };
  const until = performance.now() + durationMs;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (performance.now() < until) await oneConnection(port, templates, random, tally);
    }),
  );
  return tally;
}

async function oneConnection(port: number, templates: readonly string[], random: Random, tally: HttpTally) {
  const below = (count: number) => Math.floor(random.next() * count);
  const socket = connect(port, '127.0.0.1');
  const closed = once(socket, 'close').catch(() => {});
  socket.on('error', () => {});
  let answers = '';
  const leave = () => (below(2) === 0 ? socket.destroy() : socket.resetAndDestroy());
  socket.setEncoding('latin1').on('data', (text) => {
    answers += text;
    // Some of an answer is enough.
    setImmediate(leave);
  });
  const patience = setTimeout(leave, below(scaled(PATIENCE_MS_MAX)));
  const bytes = Buffer.concat(
    Array.from({ length: 1 + below(2) }, () => {
      tally.requests++;
      return mutated(templates[below(templates.length)]!, random);
    }),
  );
  const parts = 1 + below(PARTS_MAX);
  for (let part = 0; part < parts && !socket.destroyed; part++) {
    const [from, to] = [part, part + 1].map((at) => Math.floor((bytes.length * at) / parts));
    socket.write(bytes.subarray(from, to));
    await new Promise(setImmediate);
  }
  if (below(3) === 0) socket.end();
  await closed;
  clearTimeout(patience);
  for (const [, status] of answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
    tally.statuses.set(Number(status), (tally.statuses.get(Number(status)) ?? 0) + 1);
    if (Number(status) >= 500)
      tally.failures.push(JSON.stringify({ sent: bytes.toString('latin1').slice(0, 1_000), answers }));
  }
}

/** Texts that parsers trip over. */
const FOREIGN = [
  '\0',
  '\r\n\r\n',
  '%',
  '%2e%2e/',
  '%ff%fe',
  '../',
  '//',
  '?',
  '#',
  '"',
  '{',
  '[[[[[[[[',
  '\\ud800',
  '1e999',
  '-0',
  '99999999999999999999999',
  '9007199254740993',
  'NaN',
  'null',
  '\u{1f30a}',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 5\r\n',
  'Content-Encoding: gzip\r\n',
  'Expect: 100-continue\r\n',
  'Upgrade: h2c\r\nConnection: upgrade\r\n',
  'If-None-Match: *\r\n',
  'Accept: ,;q=,*/*;q=x\r\n',
  'Last-Event-ID: x\r\n',
  `X: ${'y'.repeat(20_000)}\r\n`,
  '__proto__',
  'constructor',
];

function mutated(template: string, random: Random): Buffer {
  const below = (count: number) => Math.floor(random.next() * count);
  if (below(50) === 0) return random.bytes(1 + below(2_000));
  let bytes: Buffer = Buffer.from(template);
  for (let changes = below(4); changes > 0; changes--) {
    const at = below(bytes.length);
    const to = Math.min(bytes.length, at + 1 + below(16));
    const [before, some, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    switch (below(6)) {
      case 0:
        bytes = Buffer.concat([before, random.bytes(some.length), after]);
        break;
      case 1:
        bytes = Buffer.concat([before, after]);
        break;
      case 2:
        bytes = Buffer.concat([before, some, some, after]);
        break;
      case 3:
        bytes = before.length === 0 ? bytes : before;
        break;
      default:
        bytes = Buffer.concat([before, Buffer.from(FOREIGN[below(FOREIGN.length)]!), some, after]);
    }
  }
  return bytes;
}

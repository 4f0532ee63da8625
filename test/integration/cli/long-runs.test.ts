import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { settled } from '../../support/settled.ts';
import { until } from '../../support/waiting.ts';
import { cliOf, type RunOptions, runCli, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const cli = cliOf(() => tidelog.bootstrapServers);
const running = (args: readonly string[], options: RunOptions = {}) =>
  runCli(args, { ...options, environment: { TIDELOG_BOOTSTRAP_SERVERS: tidelog.bootstrapServers } });

beforeAll(async () => {
  tidelog = await startMemoryTidelog({ 'num.partitions': '1' });
});
afterAll(() => tidelog.close());

/** Resolves when a request stays in flight and no other one comes: a fetch that waits. */
async function fetchWaits(): Promise<void> {
  for (let requests = -1; ; ) {
    const { stats } = tidelog.gateway;
    if (stats.requestsInFlight > 0 && stats.requests === requests) return;
    requests = stats.requests;
    await settled();
  }
}

/** Lines that come one after the other, slowly enough for progress to be drawn. */
async function* slowly(lines: number, eachMs: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < lines; i++) {
    await new Promise((resolve) => setTimeout(resolve, eachMs));
    yield Buffer.from(`line ${i}\n`);
  }
}

describe('progress', () => {
  it('is drawn on a terminal and taken away for the summary', async () => {
    const run = running(['produce', 'slow'], { input: slowly(12, 100), columns: 60 });
    expect(await run.exitCode).toBe(0);
    const [first, ...drawn] = run.err().split('\r\x1b[2K');
    expect([first, drawn.length]).toEqual(['', expect.any(Number)]);
    expect(drawn.length).toBeGreaterThan(2);
    expect(drawn[0]).toMatch(/^\d+ records? {2}\d+ B {2}[\d.]+ B\/s$/);
    expect(drawn.at(-1)).toMatch(/^Sent 12 records \(\d+ B\) in [\d.]+ s, .*\/s\.\n$/);
    expect(run.out().length).toBe(0);
  });

  it('is not shown where stderr is no terminal, nor over records on the same one', async () => {
    const piped = running(['produce', 'slow'], { input: slowly(8, 100) });
    expect([await piped.exitCode, piped.err()]).toEqual([0, '']);
    const follower = running(['consume', 'slow', '--from-beginning'], { columns: 60, outIsTerminal: true });
    await until(() => follower.out().toString().split('\n').length === 21);
    // Drawn would it be by a timer that was set before this one, and is due before it.
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(follower.err()).toBe('');
    follower.interrupt();
    expect(await follower.exitCode).toBe(0);
  });
});

describe('following a topic', () => {
  it('prints what comes, and ends in order with Ctrl-C', async () => {
    await cli(['topics', 'create', 'news', '-p', '2']);
    await cli(['produce', 'news'], { input: 'old\n' });
    const run = running(['consume', 'news'], { columns: 80, outIsTerminal: true });
    await fetchWaits();
    await cli(['produce', 'news', '-p', '0'], { input: 'one\n' });
    await cli(['produce', 'news', '-p', '1'], { input: 'two\n' });
    await until(() => run.out().toString().split('\n').length === 3);
    run.interrupt();
    expect(await run.exitCode).toBe(0);
    expect(run.out().toString().split('\n').sort()).toEqual(['', 'one', 'two']);
    expect(run.err()).toMatch(/^Read 2 records \(6 B\) in .*\.\n$/);
    expect(run.exits).toEqual([]);
  });

  it('ends without a failure when nobody reads any more', async () => {
    await cli(['produce', 'endless'], { input: 'record\n'.repeat(100_000) });
    const gone = new AbortController();
    const run = running(['consume', 'endless', '--from-beginning'], {
      outGone: gone.signal,
      onOut: () => gone.abort(),
    });
    expect(await run.exitCode).toBe(0);
    expect(run.err()).toBe('');
    expect(run.out().length).toBeLessThan(700_000);
  });

  it('says when the topic is deleted', async () => {
    await cli(['topics', 'create', 'short-lived']);
    const run = running(['consume', 'short-lived']);
    await fetchWaits();
    await cli(['topics', 'delete', 'short-lived']);
    expect(await run.exitCode).toBe(1);
    expect(run.err()).toMatch(/^There is no topic short-lived \(UNKNOWN_TOPIC_OR_PARTITION\)\./);
  });
});

describe('producing for long', () => {
  it('sends what has come although more may follow', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* input() {
      yield Buffer.from('first\nhal');
      await held;
      yield Buffer.from('f\n');
    }
    await cli(['topics', 'create', 'trickle']);
    const run = running(['produce', 'trickle'], { input: input() });
    const first = await cli(['consume', 'trickle', '--from-beginning', '-n', '1']);
    expect(first.out).toBe('first\n');
    release();
    expect(await run.exitCode).toBe(0);
    expect((await cli(['consume', 'trickle', '-e'])).out).toBe('first\nhalf\n');
  });

  it('keeps what was read when it is stopped, and says that this was not all', async () => {
    await cli(['topics', 'create', 'stopped']);
    async function* forever() {
      yield Buffer.from('a\nb\n');
      await new Promise(() => {});
    }
    const run = running(['produce', 'stopped'], { input: forever() });
    await cli(['consume', 'stopped', '--from-beginning', '-n', '2']);
    run.interrupt();
    expect(await run.exitCode).toBe(1);
    expect(run.err()).toBe('Stopped before the end of the input: 2 records were stored.\n');
    expect((await cli(['consume', 'stopped', '-e'])).out).toBe('a\nb\n');
  });
});

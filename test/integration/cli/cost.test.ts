import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { US_EAST_1 } from '../../../lib/cost/prices.ts';
import type { Tidelog } from '../../../lib/run/start.ts';
import { formatAddress } from '../../../lib/settings/listeners.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidelog-cost-'));
let tidelog: Tidelog;
let url: string;
let stranger: Server;
let strangerUrl: string;
/** What the stranger's pages are. */
let page: { readonly status: number; readonly body: string } = { status: 200, body: '' };
const cli = cliOf(() => tidelog.bootstrapServers);

beforeAll(async () => {
  tidelog = await startMemoryTidelog({ 'tidelog.metrics.port': '0' });
  url = `http://${formatAddress(tidelog.monitoring!)}`;
  stranger = createServer((_, response) => response.writeHead(page.status).end(page.body));
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  strangerUrl = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await tidelog.close();
  stranger.close();
  rmSync(folder, { recursive: true });
});

const cost = (...args: string[]) => cli(['cost', '--metrics', url, '--seconds', '1', ...args]);

/** A file with this text. */
function fileOf(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function samples(name: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  return new Map(lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

describe('tidelog cost', () => {
  it('shows what /metrics of a process counts, by cause', async () => {
    expect((await cli(['topics', 'create', 'words'])).exitCode).toBe(0);
    const before = await samples('tidelog_store_units_total');
    // Each line is a batch of its own, and an entry of one write unit.
    for (const word of ['a', 'b', 'c']) expect((await cli(['produce', 'words'], { input: word })).exitCode).toBe(0);
    const units = await samples('tidelog_store_units_total');
    const entries = '{cause="entries",kind="write"}';
    expect(units.get(entries)! - before.get(entries)!).toBe(3);

    const dollars = (await samples('tidelog_store_dollars_total')).get('{cause="entries"}')!;
    const reads = units.get('{cause="entries",kind="read"}') ?? 0;
    expect(dollars).toBeCloseTo(units.get(entries)! * 0.625e-6 + reads * 0.125e-6, 12);

    const { exitCode, out } = await cost('--json');
    const report = JSON.parse(out);
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ region: 'us-east-1', pricesOf: ['2026-11'] });
    expect(report.seconds).toBeGreaterThan(0.9);
    const shown = report.causes.find(({ cause }: { cause: string }) => cause === 'entries');
    expect(shown.units.write).toBe(units.get(entries));
    expect(report.all.usdSinceStart).toBeGreaterThan(dollars);
  });

  it('prints a table', async () => {
    const { exitCode, out, err } = await cost();
    expect([exitCode, err]).toEqual([0, '']);
    const [head] = out.split('\n');
    expect(head).toMatch(/^CAUSE +WRITE +READ +PUT +GET +LIST +DELETE +\$\/DAY +\$ SINCE START$/);
    expect(out).toMatch(/^cluster +\d/m);
    expect(out).toMatch(/^all +\d/m);
    expect(out).toContain('at the prices of us-east-1, 2026-11.');
  });

  it('takes other prices and Regions', async () => {
    const usd = US_EAST_1['dynamodb.writeUnit'].usd;
    const prices = { ...US_EAST_1, 'dynamodb.writeUnit': { usd: 1_000 * usd, date: '2027-01', source: 'ours' } };
    const path = fileOf('prices.json', { 'eu-central-1': prices });
    const [theirs, ours] = [
      JSON.parse((await cost('--json')).out),
      JSON.parse((await cost('--json', '--prices', path, '--region', 'eu-central-1')).out),
    ];
    expect(ours).toMatchObject({ region: 'eu-central-1', pricesOf: ['2026-11', '2027-01'] });
    expect(ours.all.usdSinceStart).toBeGreaterThan(500 * theirs.all.usdSinceStart);

    expect(await cost('--prices', path)).toEqual({
      exitCode: 2,
      out: '',
      err: `${path} has no prices of Region us-east-1. It has those of eu-central-1.\n`,
    });
    const unknown = await cost('--region', 'eu-central-1');
    expect(unknown).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('has no prices of Region eu-central-1'),
    });
  });

  it('refuses a file of prices that is none, with the key and what is allowed', async () => {
    const negative = { ...US_EAST_1, 's3.get': { usd: -1, date: '2026-11', source: 'x' } };
    const path = fileOf('negative.json', { 'us-east-1': negative });
    expect(await cost('--prices', path)).toEqual({
      exitCode: 2,
      out: '',
      err: `${path} is not a price book. us-east-1, s3.get, usd is -1. Needed is a number of dollars from 0 on.\n`,
    });
    expect((await cost('--prices', fileOf('cut.json', '{"us-'))).err).toContain('It is not JSON');
    expect(await cost('--prices', join(folder, 'none'))).toMatchObject({ exitCode: 1 });
  });

  it('says so if there are no metrics of a Tidelog', async () => {
    const at = (to: string) => cli(['cost', '--seconds', '1', '--metrics', to]);
    const nowhere = await at('127.0.0.1:1');
    expect(nowhere.exitCode).toBe(1);
    expect(nowhere.err).toMatch(
      /^There are no metrics at http:\/\/127\.0\.0\.1:1\/metrics \(.*\)\. .*--metrics-port 9404/,
    );
    page = { status: 404, body: '' };
    expect(await at(strangerUrl)).toMatchObject({ exitCode: 1, err: expect.stringContaining('answered 404') });
    page = { status: 200, body: 'go_goroutines 7\n' };
    expect((await at(strangerUrl)).err).toBe(`What ${strangerUrl}/metrics answers are not the metrics of a Tidelog.\n`);
    page = { status: 200, body: '# TYPE tidelog_store_units_total counter\n' };
    expect((await at(strangerUrl)).err).toContain('has made no calls to a store. A tunnel makes none');
    expect(await at('http://:x')).toMatchObject({ exitCode: 2 });
  });
});

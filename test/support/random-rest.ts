import { join } from 'node:path';
import { expect } from 'vitest';
import { startBrokerProcess, temporaryFolder } from './broker-process.ts';
import { sendRandomHttp } from './random-http.ts';
import { restRequests } from './rest-requests.ts';
import { seededRandom } from './seeded-random.ts';

const MIB = 1024 * 1024;

/** Caches fill up meanwhile, and the collector of a process of 100 MiB lets it grow before it works. */
const GROWTH_BYTES_MAX = 128 * MIB;

/** Fills caches and lets the heap grow to what V8 allows it, before memory is looked at: this share of the time. */
const WARM_UP_SHARE = 0.5;

/**
 * Sends random HTTP to a broker's REST port. Afterwards the process has to be as it was: it answers,
 * has its memory, and has logged no error; and no request may have been answered with 5xx.
 */
export async function expectToBear(durationMs: number, seed: number): Promise<string> {
  const folder = temporaryFolder();
  const broker = await startBrokerProcess(join(folder.path, 'data'), ['--auto-create-topics-enable', 'false']);
  try {
    const rest = String(broker.log.find(({ event }) => event === 'started')!.rest);
    const port = Number(new URL(rest).port);
    const listed = (await (await fetch(`${rest}/v3/clusters`)).json()) as { data: { cluster_id: string }[] };
    const clusterId = listed.data[0]!.cluster_id;
    const topics = `${rest}/v3/clusters/${clusterId}/topics`;
    const headers = { 'Content-Type': 'application/json' };
    const created = await fetch(topics, {
      method: 'POST',
      headers,
      body: '{"topic_name":"fuzz","partitions_count":3}',
    });
    expect(created.status).toBe(201);
    const random = seededRandom(seed);
    const templates = restRequests(clusterId);
    await sendRandomHttp(port, templates, random, durationMs * WARM_UP_SHARE);
    const before = broker.residentBytes();
    const tally = await sendRandomHttp(port, templates, random, durationMs);
    const grown = broker.residentBytes() - before;
    const summary = `${tally.requests} requests in ${durationMs} ms, seed ${seed}: ${JSON.stringify(Object.fromEntries(tally.statuses))}, ${Math.round(grown / MIB)} MiB more`;
    expect(broker.running, summary).toBe(true);
    expect(tally.failures, summary).toEqual([]);
    expect(tally.statuses.get(200) ?? 0, summary).toBeGreaterThan(0);
    expect(tally.statuses.get(400) ?? 0, summary).toBeGreaterThan(0);
    expect(grown, summary).toBeLessThan(GROWTH_BYTES_MAX);
    expect(broker.log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(broker.unreadable).toEqual([]);
    expect((await fetch(`${rest}/healthz`)).status).toBe(200);
    const record = '{"value":{"type":"STRING","data":"still here"}}';
    const posted = await fetch(`${topics}/fuzz/records`, { method: 'POST', headers, body: record });
    expect(await posted.json()).toMatchObject({ error_code: 200 });
    expect(await broker.stop()).toBe(0);
    return summary;
  } finally {
    if (broker.running) await broker.kill();
    folder.remove();
  }
}

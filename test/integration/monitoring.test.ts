import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { startTidelog, type Tidelog } from '../../lib/index.ts';
import { startMonitoring } from '../../lib/run/metrics/monitoring.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { emptyStores } from '../support/engine.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { batchOf, createTopic, fetchRequest, produce, produceRequest } from '../support/requests.ts';

const running: { close(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<Tidelog> {
  const tidelog = await startTidelog({ settings: { 'tidelog.metrics.port': '0', ...settings } });
  running.push(tidelog);
  return tidelog;
}

async function connect({ bootstrapServers }: Tidelog): Promise<TcpClient> {
  const [host, port] = bootstrapServers.split(':');
  const client = await TcpClient.connect({ host: host!, port: Number(port) });
  running.push(client);
  return client;
}

/** The samples of the metrics page, by name with labels. */
async function scrape({ monitoringUrl }: Tidelog): Promise<Map<string, number>> {
  const response = await fetch(`${monitoringUrl}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('/metrics', () => {
  it('counts requests, errors, bytes, store calls and commits', async () => {
    const tidelog = await start();
    const client = await connect(tidelog);
    const topic = await createTopic(client, 'orders');
    for (let index = 0; index < 3; index++) await produce(client, topic, batchOf(['a']));
    await produce(client, topic, batchOf(['b']), { partition: 7 });
    const broken = batchOf(['d']);
    broken[broken.length - 1]! ^= 1;
    await produce(client, topic, broken);
    await client.send(ApiKey.Produce, 9, produceRequest(topic, batchOf(['c']), { acks: 0 }));
    await client.ask(ApiKey.Fetch, 12, fetchRequest(topic));
    const metrics = await scrape(tidelog);

    const value = (name: string) => metrics.get(name) ?? 0;
    expect(value('tidelog_requests_total{api="Produce",outcome="answer"}')).toBe(5);
    expect(value('tidelog_requests_total{api="Produce",outcome="none"}')).toBe(1);
    expect(value('tidelog_requests_total{api="CreateTopics",outcome="answer"}')).toBe(1);
    expect(value('tidelog_request_duration_seconds_count{api="Fetch"}')).toBe(1);
    expect(value('tidelog_request_duration_seconds_sum{api="Fetch"}')).toBeGreaterThan(0);
    expect(value('tidelog_request_errors_total{api="Produce",error="UNKNOWN_TOPIC_OR_PARTITION"}')).toBe(1);
    expect(value('tidelog_request_errors_total{api="Produce",error="CORRUPT_MESSAGE"}')).toBe(1);
    expect(value('tidelog_connections')).toBe(1);
    expect(value('tidelog_requests_in_flight')).toBe(0);
    expect(value('tidelog_received_bytes_total{listener="PLAINTEXT"}')).toBeGreaterThan(500);
    expect(value('tidelog_sent_bytes_total{listener="PLAINTEXT"}')).toBeGreaterThan(500);
    // Four batches, each appended by itself, behind the entry that the topic's creation put into slot 0.
    expect(value('tidelog_group_commit_batches_count')).toBe(4);
    expect(value('tidelog_store_calls_total{store="journal",operation="put",outcome="committed"}')).toBe(5);
    expect(value('tidelog_store_call_duration_seconds_count{store="journal",operation="put"}')).toBe(5);
    expect(value('tidelog_store_written_bytes_total{store="journal"}')).toBeGreaterThan(4 * 60);
    expect(value('tidelog_append_conflicts_total')).toBe(0);
    expect(value('tidelog_open_journals')).toBe(1);
    expect(value('tidelog_view_age_seconds_max')).toBeLessThan(30);
    expect(value('tidelog_entry_cache_lookups_total{result="hit"}')).toBeGreaterThan(0);
    expect(value('tidelog_entry_cache_bytes')).toBeGreaterThan(0);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  });

  it('tells what is sealed, and what is not', async () => {
    const tidelog = await start();
    const client = await connect(tidelog);
    const quiet = await createTopic(client, 'quiet');
    await produce(client, quiet, batchOf(['not sealed']));
    const topic = await createTopic(client, 'sealed', { configs: { 'segment.ms': '500' } });
    await produce(client, topic, batchOf(['a', 'b']));
    await expect
      .poll(async () => (await scrape(tidelog)).get('tidelog_history_work_total{work="seal"}'), { timeout: 10_000 })
      .toBe(1);
    const metrics = await scrape(tidelog);
    expect(metrics.get('tidelog_history_written_bytes_total{work="seal"}')).toBe(batchOf(['a', 'b']).length);
    expect(metrics.get('tidelog_unsealed_bytes')).toBe(batchOf(['not sealed']).length);
    expect(metrics.get('tidelog_unsealed_age_seconds_max')).toBeGreaterThan(0.5);
    expect(metrics.get('tidelog_seal_lag_seconds_count')).toBe(1);
    expect(metrics.get('tidelog_seal_lag_seconds_sum')).toBeLessThan(10);
  });

  it('counts what strangers ask for under names that it knows', async () => {
    const tidelog = await start();
    const client = await connect(tidelog);
    await client.raw.sendRequest({ apiKey: 12_345, correlationId: 1 });
    expect(await client.raw.closed).toBe('end');
    expect((await scrape(tidelog)).get('tidelog_requests_total{api="unknown",outcome="close"}')).toBe(1);
  });

  it('tells how polls for waiting consumers went', async () => {
    const tidelog = await start();
    const client = await connect(tidelog);
    const topic = await createTopic(client, 'quiet');
    await client.ask(ApiKey.Fetch, 12, fetchRequest(topic, { maxWaitMs: 100 }));
    const metrics = await scrape(tidelog);
    expect(metrics.get('tidelog_tail_polls_total{result="none"}')).toBeGreaterThan(0);
    expect(metrics.get('tidelog_tail_polls_total{result="failed"}') ?? 0).toBe(0);
  });

  it('keeps two in one process apart', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    await createTopic(await connect(one), 'mine');
    const created = 'tidelog_requests_total{api="CreateTopics",outcome="answer"}';
    expect((await scrape(one)).get(created)).toBe(1);
    expect((await scrape(other)).get(created)).toBeUndefined();
  });

  it('is not served unless it was asked for, and needs a port of its own', async () => {
    const tidelog = await startTidelog();
    running.push(tidelog);
    expect(tidelog.monitoringUrl).toBeUndefined();
    const taken = tidelog.bootstrapServers.split(':')[1]!;
    await expect(start({ 'tidelog.metrics.port': taken })).rejects.toMatchObject({
      name: 'StartError',
      message: `The metrics cannot be served on 127.0.0.1:${taken}: another process has the port. Choose another address with --metrics-port and --metrics-host.`,
    });
  });

  it('answers other paths and methods with what there is', async () => {
    const { monitoringUrl } = await start();
    const other = await fetch(`${monitoringUrl}/`);
    expect([other.status, await other.text()]).toEqual([404, 'There is /metrics and /healthz.\n']);
    expect((await fetch(`${monitoringUrl}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${monitoringUrl}/healthz?full=1`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('/healthz', () => {
  it('names the listeners when all is well, and goes with the process', async () => {
    const tidelog = await start();
    const healthy = await fetch(`${tidelog.monitoringUrl}/healthz`);
    expect([healthy.status, healthy.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await healthy.json()).toEqual({ status: 'ok', listeners: { PLAINTEXT: tidelog.bootstrapServers } });
    await tidelog.close();
    await expect(fetch(`${tidelog.monitoringUrl}/healthz`)).rejects.toThrow();
  });

  it('answers 503 before the listeners are open and while the process drains', async () => {
    const stores = emptyStores();
    const monitoring = await startMonitoring({
      host: '127.0.0.1',
      port: 0,
      stores,
      clock: systemClock,
      logger: silentLogger,
    });
    running.push(monitoring);
    const ask = async () => {
      const response = await fetch(`http://127.0.0.1:${monitoring.port}/healthz`);
      return [response.status, await response.json()];
    };
    expect(await ask()).toEqual([503, { status: 'starting', reason: 'the listeners are not open yet' }]);
    monitoring.draining();
    expect(await ask()).toEqual([503, { status: 'draining', reason: 'the process is being stopped' }]);
  });
});

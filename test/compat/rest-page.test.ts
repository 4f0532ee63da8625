import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { haveChromium, startChromium } from '../support/chromium.ts';
import { kcat } from '../support/kcat.ts';
import { scaled } from '../support/machine.ts';
import { haveKcat } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

const CAN_RUN = [haveChromium(), haveKcat()].every(Boolean);

describe.skipIf(!CAN_RUN)('the page that tails a topic, in Chromium', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let rest = '';
  let proxy: TcpProxy;
  let browser: Browser;
  let page: Page;
  /** What the browser asked for, and what it complained of. */
  let asked: string[];
  let complaints: string[];

  beforeAll(async () => {
    broker = await startBrokerProcess(join(folder.path, 'data'));
    rest = String(broker.log.find(({ event }) => event === 'started')!.rest);
    proxy = await TcpProxy.start({ target: Number(new URL(rest).port) });
    browser = await startChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await proxy?.close();
    await broker?.stop();
    folder.remove();
  });

  beforeEach(async () => {
    asked = [];
    complaints = [];
    page = await browser.newPage({ viewport: { width: 1_000, height: 700 } });
    page.on('request', (request) => asked.push(new URL(request.url()).host));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
  });

  afterEach(() => page.close());

  async function openPage(topic: string, query = '') {
    await page.goto(`http://127.0.0.1:${proxy.port}/ui/topics/${topic}${query}`);
    await page.waitForSelector('#state.live');
  }

  /** The records that are shown, `PARTITION:OFFSET`, the newest first. */
  const rows = () => page.$$eval('article', (all) => all.map(({ dataset }) => dataset.at));
  const shown = (text: string) => page.getByText(text, { exact: true }).waitFor({ timeout: scaled(10_000) });

  it('shows a record of kcat within a second: key, headers, pretty JSON', async () => {
    await kcat(broker, ['-P', '-t', 'orders'], { stdin: 'first\n' });
    await openPage('orders');
    await shown('first');
    const record = '{"total":12.50,"id":12345678901234567890,"lines":[{"sku":"a"},{"sku":"b"}]}';
    await kcat(broker, ['-P', '-t', 'orders', '-k', 'customer-7', '-H', 'source=web'], { stdin: `${record}\n` });
    const began = performance.now();
    await page.waitForSelector('article[data-at="0:1"]');
    expect(performance.now() - began).toBeLessThan(scaled(1_000));
    const newest = page.locator('article').first();
    expect(await newest.locator('b').textContent()).toBe('customer-7');
    expect(await newest.locator('.header').textContent()).toBe('source = web');
    expect(await newest.locator('pre').textContent()).toBe(
      '{\n  "total": 12.50,\n  "id": 12345678901234567890,\n  "lines": [\n    {\n      "sku": "a"\n    },\n    {\n      "sku": "b"\n    }\n  ]\n}',
    );
    const picture = process.env.TIDELOG_PAGE_PICTURE;
    if (picture !== undefined) await page.screenshot({ path: picture });
    expect([...new Set(asked)]).toEqual([`127.0.0.1:${proxy.port}`]);
    expect(complaints).toEqual([]);
  });

  it('goes on after ten cuts, with nothing missed or shown twice', async () => {
    await kcat(broker, ['-P', '-t', 'cuts'], { stdin: 'before\n' });
    await openPage('cuts', '?from=earliest');
    await page.waitForSelector('article[data-at="0:0"]');
    const before = proxy.resets;
    for (let cut = 0; cut < 10; cut++) {
      const lines = Array.from({ length: 10 }, (_, n) => `${cut}-${n}\n`).join('');
      // At any time, in the middle of an event, or behind one. The page has a connection or two.
      const how = (['now', 'midAnswer', 'afterAnswer'] as const)[cut % 3]!;
      const resets = proxy.resets;
      const producing = kcat(broker, ['-P', '-t', 'cuts'], { stdin: lines });
      proxy.breakOne(how, 0);
      proxy.breakOne(how, 0.99);
      await producing;
      await until(() => proxy.resets > resets);
      await page.waitForSelector('#state.live');
      await page.waitForSelector(`article[data-at="0:${cut * 10 + 10}"]`);
      proxy.calm();
    }
    expect(proxy.resets - before).toBeGreaterThanOrEqual(10);
    expect(await rows()).toEqual(Array.from({ length: 101 }, (_, n) => `0:${100 - n}`));
    expect(await page.textContent('#count')).toBe('101 records');
  });

  it('shows records as text, whatever is in them', async () => {
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    const topic = 'evil';
    await kcat(broker, ['-P', '-t', topic, '-k', evil, '-H', `${evil.replaceAll('=', '')}=${evil}`], { stdin: evil });
    await kcat(broker, ['-P', '-t', topic, '-k', 'json'], { stdin: JSON.stringify({ [evil]: evil }) });
    await openPage(topic);
    await page.waitForSelector('article[data-at="0:1"]');
    expect(await page.title()).toBe('evil · Tidelog');
    expect(await page.$$eval('article img, article script', (all) => all.length)).toBe(0);
    expect(await page.locator('article pre').last().textContent()).toBe(evil);
    expect(complaints).toEqual([]);
    // What stands in the address does not get into the page either.
    const answer = await fetch(`${rest}/ui/topics/${topic}?from=${encodeURIComponent('"><script>')}`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  it('pauses without losing anything, and filters', async () => {
    await kcat(broker, ['-P', '-t', 'pausing', '-K', ':'], { stdin: 'a:apple\nb:berry\n' });
    await openPage('pausing');
    await page.waitForSelector('article[data-at="0:1"]');
    await page.click('#pause');
    await kcat(broker, ['-P', '-t', 'pausing', '-K', ':'], { stdin: 'c:cherry\n' });
    expect(await page.textContent('#state')).toBe('paused');
    expect(await rows()).toEqual(['0:1', '0:0']);
    await page.click('#pause');
    await page.waitForSelector('article[data-at="0:2"]');
    expect(await rows()).toEqual(['0:2', '0:1', '0:0']);
    await page.fill('#filter', 'BERR');
    expect(await page.$$eval('article:not([hidden])', (all) => all.map(({ dataset }) => dataset.at))).toEqual(['0:1']);
  });

  it('is linked from the page of the routes', async () => {
    await page.goto(rest);
    await page.click('text=pausing');
    await page.waitForSelector('#state.live');
    expect(new URL(page.url()).pathname).toBe('/ui/topics/pausing');
    await page.selectOption('select[name=from]', 'earliest');
    await page.click('text=Show');
    await page.waitForSelector('article[data-at="0:0"]');
    expect(new URL(page.url()).search).toBe('?from=earliest');
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Metrics } from '../../lib/run/metrics/metrics.ts';
import { startEngine } from '../support/engine.ts';
import { IDLE_GATEWAY } from '../support/idle-gateway.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/OPERATIONS.md'), 'utf8');

/** Name, kind and labels of each row of the table of metrics. */
function documented(): string[][] {
  const section = text.split('\n## Metrics\n')[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| `tidelog_'));
  return rows.map((row) => {
    const [name, kind, labels] = row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''));
    return [name!, kind!, labels!];
  });
}

it('docs/OPERATIONS.md lists every metric with its kind and labels', async () => {
  const engine = await startEngine();
  const metrics = new Metrics();
  metrics.watch({
    gateway: () => IDLE_GATEWAY,
    journals: engine.broker.admin.journals,
  });
  const registered = metrics.registry.getMetricsAsArray().map((metric) => {
    const { name, type, labelNames } = metric as unknown as { name: string; type?: string; labelNames: string[] };
    return [name, type, labelNames.join(', ')];
  });
  expect(documented().sort()).toEqual(registered.sort());
  await engine.close();
});

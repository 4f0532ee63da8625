import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RestCode } from '../../../lib/rest/errors.ts';
import { KEY_LIFETIME_MS } from '../../../lib/rest/produce/idempotency.ts';
import { startRestServer } from '../../support/rest-server.ts';
import { have } from '../../support/tools.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/REST.md'), 'utf8');
const HAS_CURL = have('curl', spawnSync('curl', ['--version']).status === 0, 'Install it (apt-get install curl).');

/** All commands of the page, one after the other. */
const script = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block).join('\n');

describe('docs/REST.md', () => {
  it.skipIf(!HAS_CURL)('shows commands that work, one after the other', { timeout: 60_000 }, async () => {
    const rest = await startRestServer();
    try {
      const text = script.replace('http://127.0.0.1:8082', rest.url);
      const shell = spawn('bash', ['-eo', 'pipefail', '-c', text], { stdio: ['ignore', 'pipe', 'pipe'] });
      let out = '';
      let complaints = '';
      shell.stdout.on('data', (chunk) => {
        out += chunk;
      });
      shell.stderr.on('data', (chunk) => {
        complaints += chunk;
      });
      const [code] = await once(shell, 'close');
      expect([code, complaints], out).toEqual([0, '']);
      expect(out).toContain('"value":{"total":99}');
      // The retried record has one offset.
      const lines = out.match(/\{"error_code":200[^\n]*"type":"STRING","size":4\}\}/g) ?? [];
      expect(new Set(lines).size).toBe(1);
      expect(lines).toHaveLength(2);
      expect(out).toContain('"kind":"KafkaConsumerGroupLagSummary"');
      expect((await rest.engine.broker.admin.topics.list()).map(({ record }) => record.name)).not.toContain('orders');
    } finally {
      await rest.close();
    }
  });

  it('tells how long keys are remembered, and codes that there are', () => {
    expect(page).toContain(`remembered for ${KEY_LIFETIME_MS / 3_600_000} hours`);
    const known = new Set<number>(Object.values(RestCode));
    const named = [...page.matchAll(/`(4\d{4})`/g)].map(([, code]) => Number(code));
    expect(named.filter((code) => !known.has(code))).toEqual([]);
  });
});

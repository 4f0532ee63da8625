import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/COMPATIBILITY.md'), 'utf8');
/** The topic configs that the page says have no effect. */
const WITHOUT_EFFECT = [...page.matchAll(/^\| `([a-z0-9.]+)` \| none\b/gm)].map(([, name]) => name!);

let tidelog: Tidelog;
const cli = cliOf(() => tidelog.bootstrapServers);
const FLUSH = 'Warning: flush.ms has no effect in this cluster: every acknowledged batch is durable.\n';
const SEGMENT = 'Warning: segment.jitter.ms has no effect in this cluster.\n';

beforeAll(async () => {
  tidelog = await startMemoryTidelog();
});
afterAll(() => tidelog.close());

describe('a config without effect', () => {
  it('is named when a topic is created with it, changed and described', async () => {
    const created = await cli(['topics', 'create', 'quiet', '-c', 'flush.ms=5', '-c', 'retention.ms=1000']);
    expect([created.exitCode, created.err]).toEqual([0, FLUSH]);
    const altered = await cli(['topics', 'alter', 'quiet', '-c', 'segment.jitter.ms=7']);
    expect([altered.exitCode, altered.err]).toEqual([0, SEGMENT]);
    const configured = await cli(['configs', 'alter', '--topic', 'quiet', '--set', 'flush.ms=6']);
    expect([configured.exitCode, configured.err]).toEqual([0, FLUSH]);
    const described = await cli(['topics', 'describe', 'quiet']);
    expect([described.exitCode, described.err.split('\n').sort()]).toEqual([0, (FLUSH + SEGMENT).split('\n').sort()]);
    expect(JSON.parse((await cli(['topics', 'describe', 'quiet', '--json'])).out)).toHaveLength(1);
  });

  it('is not named when it goes back to its default', async () => {
    await cli(['topics', 'create', 'loud', '-c', 'flush.ms=5']);
    const altered = await cli(['topics', 'alter', 'loud', '--delete-config', 'flush.ms']);
    expect([altered.exitCode, altered.err]).toEqual([0, '']);
  });

  it('is one of those that docs/COMPATIBILITY.md lists', async () => {
    await cli(['topics', 'create', 'listed']);
    const all = JSON.parse((await cli(['configs', 'describe', '--topic', 'listed', '--all', '--json'])).out) as {
      name: string;
      value: string;
    }[];
    const sets = all
      .filter(({ name }) => !['tidelog.journals', 'remote.storage.enable'].includes(name))
      .flatMap(({ name, value }) => ['-c', `${name}=${value}`]);
    const { exitCode, err } = await cli(['topics', 'alter', 'listed', ...sets]);
    expect(exitCode).toBe(0);
    expect([...err.matchAll(/^Warning: (\S+) /gm)].map(([, name]) => name).sort()).toEqual(WITHOUT_EFFECT.sort());
  });
});

import { expect, it } from 'vitest';
import { expectToBear } from '../../support/random-rest.ts';

it('bears a minute of random HTTP', async () => {
  const seed = Number(process.env.TIDELOG_HTTP_SEED ?? 2);
  const summary = await expectToBear(60_000, seed);
  process.stderr.write(`random HTTP: ${summary}\n`);
  expect(summary).toContain('requests');
});

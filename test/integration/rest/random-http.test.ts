import { expect, it } from 'vitest';
import { expectToBear } from '../../support/random-rest.ts';

/** A longer time: random-http.slow.ts. */
it('bears two seconds of random HTTP', { timeout: 60_000 }, async () => {
  expect(await expectToBear(2_000, 1)).toContain('requests');
});

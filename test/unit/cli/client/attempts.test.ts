import { expect, it } from 'vitest';
import { Attempts } from '../../../../lib/cli/client/attempts.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

it('are over when their time has passed, and begin anew after a restart', async () => {
  const clock = new VirtualClock();
  const attempts = new Attempts(clock, 1_000, 100);
  await clock.advance(1_000);
  expect(attempts.areOver).toBe(false);
  await clock.advance(1);
  expect(attempts.areOver).toBe(true);
  attempts.restart();
  expect(attempts.areOver).toBe(false);
});

it('wait between two of them, unless the signal aborts', async () => {
  const clock = new VirtualClock();
  const attempts = new Attempts(clock, 1_000, 100);
  let waited = false;
  const waiting = attempts.wait().then(() => {
    waited = true;
  });
  await clock.advance(99);
  expect(waited).toBe(false);
  await clock.advance(1);
  await waiting;
  const abort = new AbortController();
  const cut = attempts.wait(abort.signal);
  abort.abort();
  await cut;
  expect(clock.pendingTimers).toBe(0);
});

import { expect, it } from 'vitest';
import { StoreTimer } from '../../../lib/storage/embedded/store-time.ts';
import { WriteLock } from '../../../lib/storage/embedded/write-lock.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE = 60_000;

/** A lock whose `acquire` is counted and does what it is told. */
function open(acquire: (lock: WriteLock) => Promise<void>) {
  const clock = new VirtualClock();
  let taken = 0;
  const lock: WriteLock = new WriteLock(clock, new StoreTimer(clock), () => {
    taken++;
    return acquire(lock);
  });
  return { clock, lock, taken: () => taken };
}

it('takes the lock before a consistent read once a minute, unless a write has held it', async () => {
  const { clock, lock, taken } = open(async (self) => self.held());
  await lock.beforeConsistentRead();
  expect(taken()).toBe(0);
  await clock.advance(MINUTE);
  await Promise.all([lock.beforeConsistentRead(), lock.beforeConsistentRead()]);
  await lock.beforeConsistentRead();
  expect(taken()).toBe(1);
  await clock.advance(MINUTE - 1);
  lock.held();
  await clock.advance(MINUTE - 1);
  await lock.beforeConsistentRead();
  expect(taken()).toBe(1);
});

it('does not let a read pass a writer that is stopped inside its commit', async () => {
  const { clock, lock, taken } = open(() => new Promise(() => undefined));
  await clock.advance(MINUTE);
  const read = lock.beforeConsistentRead();
  const refused = expect(read).rejects.toThrow(StoreUnavailableError);
  await clock.advance(MINUTE);
  await refused;
  expect(taken()).toBe(1);
});

it('does not let a read pass when the lock cannot be taken', async () => {
  const { clock, lock } = open(() => Promise.reject(new Error('no')));
  await clock.advance(MINUTE);
  await expect(lock.beforeConsistentRead()).rejects.toThrow(StoreUnavailableError);
});

import type { UnreadableItems } from '../kit/unreadable-items.ts';
import { sweepRest } from '../rest/sweep.ts';
import type { UpkeepJob } from '../upkeep/job.ts';
import type { Engine } from './compose.ts';

/** The job of upkeep that deletes abandoned consumer instances and forgotten idempotency keys of REST. */
export function restJob(
  { broker, rest }: Pick<Engine, 'broker' | 'rest'>,
  unreadable: UnreadableItems,
): readonly UpkeepJob[] {
  const { stores, clock } = broker.admin.journals.env;
  const env = { state: stores.state, clock, unreadable, instanceTimeoutMs: rest.instanceTimeoutMs };
  return [{ name: 'rest', step: (cursor, deadline) => sweepRest(env, cursor, deadline) }];
}

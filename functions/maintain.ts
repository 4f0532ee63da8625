import type { LambdaContext } from '../lib/doors/lambda/call.ts';
import type { ScheduledAnswer } from '../lib/doors/lambda/scheduled.ts';
import { composeMaintainFunction } from '../lib/run/compose-scheduled.ts';
import { maintainFunction } from '../lib/run/functions/maintain.ts';

const maintain = composeMaintainFunction(maintainFunction);

/** Runs upkeep on a schedule: the work that no request triggers. */
export async function handler(event: unknown, context: LambdaContext): Promise<ScheduledAnswer> {
  return maintain(event, context);
}

import type { LambdaContext } from '../lib/doors/lambda/call.ts';
import type { ScheduledAnswer } from '../lib/doors/lambda/scheduled.ts';
import { composeSealFunction } from '../lib/run/compose-scheduled.ts';
import { sealFunction } from '../lib/run/functions/seal.ts';

const seal = composeSealFunction(sealFunction);

/** Works on history: seals, merges, compacts, and deletes what nothing needs any more. */
export async function handler(event: unknown, context: LambdaContext): Promise<ScheduledAnswer> {
  return seal(event, context);
}

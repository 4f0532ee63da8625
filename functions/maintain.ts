import type { LambdaContext } from '../lib/doors/lambda/handler.ts';
import type { MaintainAnswer } from '../lib/doors/lambda/maintain.ts';
import { composeMaintainFunction } from '../lib/run/compose-function.ts';
import { maintainFunction } from '../lib/run/functions/maintain.ts';

const maintain = composeMaintainFunction(maintainFunction);

/** Runs upkeep on a schedule: the work that no request triggers. */
export async function handler(event: unknown, context: LambdaContext): Promise<MaintainAnswer> {
  return maintain(event, context);
}

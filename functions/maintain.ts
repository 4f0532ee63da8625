import type { LambdaContext } from '../lib/doors/lambda/handler.ts';
import type { MaintainAnswer } from '../lib/doors/lambda/maintain.ts';
import { composeMaintainFunction } from '../lib/run/compose-function.ts';

const maintain = composeMaintainFunction();

/** Upkeep by a schedule: what nobody comes by to do. */
export async function handler(event: unknown, context: LambdaContext): Promise<MaintainAnswer> {
  return maintain(event, context);
}

import type { LambdaAnswer } from '../lib/doors/lambda/answers.ts';
import type { LambdaContext } from '../lib/doors/lambda/call.ts';
import { composeFrameFunction } from '../lib/run/compose-function.ts';
import { coordinateFunction } from '../lib/run/functions/coordinate.ts';

const serve = composeFrameFunction(coordinateFunction);

/** Serves Kafka frames of groups, their offsets, and producer ids. Uses the state table only. */
export async function handler(event: unknown, context: LambdaContext): Promise<LambdaAnswer> {
  return serve(event, context);
}

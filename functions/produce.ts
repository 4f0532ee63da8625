import type { LambdaAnswer } from '../lib/doors/lambda/answers.ts';
import type { LambdaContext } from '../lib/doors/lambda/call.ts';
import { composeFrameFunction } from '../lib/run/compose-function.ts';
import { produceFunction } from '../lib/run/functions/produce.ts';

const serve = composeFrameFunction(produceFunction);

/** Serves Kafka frames of Produce. Writes entries and objects, deletes nothing. */
export async function handler(event: unknown, context: LambdaContext): Promise<LambdaAnswer> {
  return serve(event, context);
}

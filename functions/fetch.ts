import type { LambdaAnswer } from '../lib/doors/lambda/answers.ts';
import type { LambdaContext } from '../lib/doors/lambda/call.ts';
import { composeFrameFunction } from '../lib/run/compose-function.ts';
import { fetchFunction } from '../lib/run/functions/fetch.ts';

const serve = composeFrameFunction(fetchFunction);

/** Serves Kafka frames of Fetch, ListOffsets and OffsetForLeaderEpoch. Writes nothing. */
export async function handler(event: unknown, context: LambdaContext): Promise<LambdaAnswer> {
  return serve(event, context);
}

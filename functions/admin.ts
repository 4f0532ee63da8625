import type { LambdaAnswer } from '../lib/doors/lambda/answers.ts';
import type { LambdaContext } from '../lib/doors/lambda/call.ts';
import { composeFrameFunction } from '../lib/run/compose-function.ts';
import { adminFunction } from '../lib/run/functions/admin.ts';

const serve = composeFrameFunction(adminFunction);

/** Serves Kafka frames of all other APIs: topics, configs, metadata. */
export async function handler(event: unknown, context: LambdaContext): Promise<LambdaAnswer> {
  return serve(event, context);
}

import type { LambdaAnswer } from '../lib/doors/lambda/answers.ts';
import type { LambdaContext } from '../lib/doors/lambda/handler.ts';
import { composeFrameFunction } from '../lib/run/compose-function.ts';

const serve = composeFrameFunction('coordinate');

/** Kafka frames of groups, their offsets, and producer ids: the state table alone. */
export async function handler(event: unknown, context: LambdaContext): Promise<LambdaAnswer> {
  return serve(event, context);
}

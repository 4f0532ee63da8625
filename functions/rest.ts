import type { InvokeAnswer } from '../lib/doors/lambda/answers.ts';
import type { LambdaContext } from '../lib/doors/lambda/call.ts';
import type { RestAnswer, StreamingRuntime } from '../lib/doors/lambda/rest-function.ts';
import { composeRestFunction } from '../lib/run/compose-rest-function.ts';
import { restFunction } from '../lib/run/functions/rest.ts';

const serve = composeRestFunction(restFunction);

/** Serves HTTP: Confluent's REST Proxy, v3 and v2. */
export async function handler(event: unknown, context: LambdaContext): Promise<RestAnswer | InvokeAnswer> {
  return serve.handler(event, context);
}

// Outside of Lambda the SDK makes an empty one.
const { awslambda } = globalThis as { awslambda?: Partial<StreamingRuntime> };

/** The same for a REST API that passes streams on. Undefined where nothing streams. */
export const streaming =
  awslambda?.streamifyResponse === undefined ? undefined : serve.streaming(awslambda as StreamingRuntime);

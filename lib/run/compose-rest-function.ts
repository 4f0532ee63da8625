import { REST_BODY_BYTES_MAX } from '../doors/lambda/rest-event.ts';
import {
  type RestLambdaHandler,
  restFunction,
  type StreamingRuntime,
  streamingRestFunction,
} from '../doors/lambda/rest-function.ts';
import type { RestHandler } from '../rest/app.ts';
import { type FunctionDefinition, FunctionInstance, type FunctionParts } from './function-instance.ts';

export type RestDefinition = FunctionDefinition<RestHandler, 'rest'>;

/** The handlers of the function `rest`, over one engine. */
export interface RestHandlers {
  readonly handler: RestLambdaHandler;
  /** The handler that sends answers as streams. */
  streaming(runtime: StreamingRuntime): unknown;
}

/** The function `rest`. Throws for wrong settings. */
export function composeRestFunction(definition: RestDefinition, parts: FunctionParts = {}): RestHandlers {
  const instance = new FunctionInstance(definition, parts);
  const { settings, logger, clock, activity } = instance;
  const options = {
    name: definition.name,
    anonymous: settings.functionsAnonymous,
    clock,
    logger,
    engine: () => instance.made(),
    settle: (deadline: number) => activity.settled(deadline),
  };
  return { handler: restFunction(options), streaming: (runtime) => streamingRestFunction(options, runtime) };
}

/** Limits of the largest body and the largest answer; bytes. */
export const REST_FUNCTION_LIMITS = { requestBytesMax: REST_BODY_BYTES_MAX, answerBytesMax: REST_BODY_BYTES_MAX };

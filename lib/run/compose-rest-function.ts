import { REST_BODY_BYTES_MAX } from '../doors/lambda/rest-event.ts';
import { type RestLambdaHandler, restFunction } from '../doors/lambda/rest-function.ts';
import type { RestHandler } from '../rest/app.ts';
import { type FunctionDefinition, FunctionInstance, type FunctionParts } from './function-instance.ts';

export type RestDefinition = FunctionDefinition<RestHandler, 'rest'>;

/** The handler of the function `rest`. Throws for wrong settings. */
export function composeRestFunction(definition: RestDefinition, parts: FunctionParts = {}): RestLambdaHandler {
  const instance = new FunctionInstance(definition, parts);
  const { settings, logger, clock, activity } = instance;
  return restFunction({
    name: definition.name,
    anonymous: settings.functionsAnonymous,
    clock,
    logger,
    engine: () => instance.made(),
    settle: (deadline) => activity.settled(deadline),
  });
}

/** The largest body and the largest answer, in bytes; an answer goes out when it has ended. */
export const REST_FUNCTION_LIMITS = {
  requestBytesMax: REST_BODY_BYTES_MAX,
  answerBytesMax: REST_BODY_BYTES_MAX,
  sendsPieces: false,
};

import type { FrameFunction } from '../broker/apis.ts';
import { type FunctionEngine, frameFunction, type LambdaHandler } from '../doors/lambda/handler.ts';
import { type FunctionDefinition, FunctionInstance, type FunctionParts } from './function-instance.ts';

export type FrameFunctionDefinition = FunctionDefinition<FunctionEngine, FrameFunction>;

/**
 * The handler of a function that serves frames. Throws for wrong settings, which Lambda reports as
 * a failed start.
 */
export function composeFrameFunction(definition: FrameFunctionDefinition, parts: FunctionParts = {}): LambdaHandler {
  const instance = new FunctionInstance(definition, parts);
  const { settings, logger, clock } = instance;
  const engine = () => instance.made();
  const settle = (deadline: number) => instance.activity.settled(deadline);
  const { functionsAnonymous: anonymous, functionsWaitMaxMs: waitMaxMs } = settings;
  return frameFunction({ name: definition.name, anonymous, waitMaxMs, clock, logger, engine, settle });
}

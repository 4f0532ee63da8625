import { FRAME_FUNCTIONS, type FrameFunction } from '../../lib/broker/apis.ts';
import { functionOf } from '../../lib/broker/functions.ts';
import { type Clock, systemClock } from '../../lib/core/clock.ts';
import { type Random, systemRandom } from '../../lib/core/random.ts';
import type { LambdaHandler } from '../../lib/doors/lambda/handler.ts';
import type { RestLambdaHandler } from '../../lib/doors/lambda/rest-function.ts';
import type { ScheduledHandler } from '../../lib/doors/lambda/scheduled.ts';
import type { EnvelopeAnswer } from '../../lib/doors/tunnel/envelope.ts';
import { composeFrameFunction, type FrameFunctionDefinition } from '../../lib/run/compose-function.ts';
import { composeRestFunction } from '../../lib/run/compose-rest-function.ts';
import { composeMaintainFunction, composeSealFunction } from '../../lib/run/compose-scheduled.ts';
import type { FunctionName } from '../../lib/run/function-name.ts';
import { adminFunction } from '../../lib/run/functions/admin.ts';
import { coordinateFunction } from '../../lib/run/functions/coordinate.ts';
import { fetchFunction } from '../../lib/run/functions/fetch.ts';
import { maintainFunction } from '../../lib/run/functions/maintain.ts';
import { produceFunction } from '../../lib/run/functions/produce.ts';
import { restFunction } from '../../lib/run/functions/rest.ts';
import { sealFunction } from '../../lib/run/functions/seal.ts';
import type { Wake } from '../../lib/run/wake.ts';
import { WAKES } from '../../lib/stacks/rights.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { meterStores } from '../../lib/storage/metering.ts';
import type { Stores } from '../../lib/storage/ports.ts';
import type { ApiKey, RequestInput, ResponseBody } from '../../lib/wire/apis.ts';
import { CountingMeter } from './counting-meter.ts';
import type { LoggedLine } from './engine.ts';
import { answersIn, frameOf, invokeOf, responseOf } from './function-calls.ts';

/** The frame functions by name. */
export const DEFINITIONS: Readonly<Record<FrameFunction, FrameFunctionDefinition>> = {
  produce: produceFunction,
  fetch: fetchFunction,
  coordinate: coordinateFunction,
  admin: adminFunction,
};

export interface FunctionsOptions {
  readonly stores?: Stores;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly environment?: Readonly<Record<string, string>>;
  /** What Lambda's context says is left for each call; ms. */
  readonly remainingMs?: number;
  /** Starts the function `seal` for those that may. Default: nothing does. */
  readonly wake?: Wake;
}

/** One instance of each function over the same stores, as a deployment has them. */
export interface Functions {
  readonly handlers: Readonly<Record<FrameFunction, LambdaHandler>>;
  readonly rest: RestLambdaHandler;
  readonly maintain: ScheduledHandler;
  readonly seal: ScheduledHandler;
  /** Counts each function's calls to the stores. */
  readonly meters: Readonly<Record<FunctionName, CountingMeter>>;
  readonly lines: LoggedLine[];
  /** Sends one request to the function that serves it, as the tunnel does. */
  tell<Key extends ApiKey>(
    apiKey: Key,
    version: number,
    body: RequestInput<Key>,
    token?: string,
  ): Promise<EnvelopeAnswer>;
  /** The same where an answer must come: asks again for as long as it is told to. */
  ask<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<ResponseBody<Key>>;
}

export const FUNCTION_ENVIRONMENT = {
  TIDELOG_STORE: 'aws',
  TIDELOG_JOURNAL_TABLE: 'journal',
  TIDELOG_STATE_TABLE: 'state',
  TIDELOG_BUCKET: 'bucket',
};

/** As much of Lambda's context as the functions read. */
export const LAMBDA_CONTEXT = { awsRequestId: 'test', getRemainingTimeInMillis: () => 29_000 };

/** Cold instances; over given stores they are the next ones, or those beside. */
export function startFunctions(options: FunctionsOptions = {}): Functions {
  const {
    clock = systemClock,
    random = systemRandom,
    remainingMs = LAMBDA_CONTEXT.getRemainingTimeInMillis(),
  } = options;
  const context = { ...LAMBDA_CONTEXT, getRemainingTimeInMillis: () => remainingMs };
  const stores = options.stores ?? memoryStores({ clock, random });
  const lines: LoggedLine[] = [];
  const names = [...FRAME_FUNCTIONS, 'rest', 'maintain', 'seal'] as const;
  const meters = Object.fromEntries(names.map((name) => [name, new CountingMeter()])) as Functions['meters'];
  const parts = (name: (typeof names)[number]) => ({
    environment: { ...FUNCTION_ENVIRONMENT, ...options.environment },
    stores: meterStores(stores, meters[name]),
    clock,
    random,
    ...(name in WAKES && options.wake !== undefined && { wake: options.wake }),
    logger: { log: (level: LoggedLine['level'], fields: object) => lines.push({ level, ...fields } as LoggedLine) },
  });
  const handlers = Object.fromEntries(
    FRAME_FUNCTIONS.map((name) => [name, composeFrameFunction(DEFINITIONS[name], parts(name))]),
  ) as Functions['handlers'];
  const functions: Functions = {
    handlers,
    rest: composeRestFunction(restFunction, parts('rest')).handler,
    maintain: composeMaintainFunction(maintainFunction, parts('maintain')),
    seal: composeSealFunction(sealFunction, parts('seal')),
    meters,
    lines,
    async tell(apiKey, version, body, token) {
      const event = invokeOf({ frame: frameOf(apiKey, version, body), token });
      const [answer] = answersIn(await handlers[functionOf(apiKey)](event, context), 1);
      return answer!;
    },
    async ask(apiKey, version, body) {
      let answer = await functions.tell(apiKey, version, body);
      while (answer.kind === 'again') answer = await functions.tell(apiKey, version, body, answer.token);
      return responseOf(apiKey, version, answer);
    },
  };
  return functions;
}

/** The functions as a Kafka client sees them through a tunnel. */
export function clientOf(functions: Functions) {
  return {
    ask: functions.ask,
    async tell<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>) {
      return { kind: 'answer' as const, version, body: await functions.ask(apiKey, version, body) };
    },
  };
}

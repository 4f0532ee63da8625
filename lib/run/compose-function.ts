import { type Clock, systemClock } from '../core/clock.ts';
import { jsonLogger, type Logger } from '../core/logger.ts';
import { type Random, systemRandom } from '../core/random.ts';
import { type FunctionEngine, frameFunction, type LambdaHandler } from '../doors/lambda/handler.ts';
import { BATCH_BYTES_MAX } from '../doors/lambda/limits.ts';
import { type MaintainHandler, maintainFunction } from '../doors/lambda/maintain.ts';
import type { FrameFunction } from '../doors/tunnel/functions.ts';
import { loadSettings, type Settings } from '../settings/settings.ts';
import { aroundCalls } from '../storage/around-calls.ts';
import { dynamoDbClient } from '../storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../storage/dynamodb/table.ts';
import { type Stores, StoreUnavailableError } from '../storage/ports.ts';
import type { Upkeep } from '../upkeep/upkeep.ts';
import { Activity } from './activity.ts';
import { type ComposedBroker, composeBroker } from './compose.ts';
import type { FunctionTraits } from './compose-options.ts';
import { assertRight, type FunctionName } from './function-rights.ts';
import { lazyBlobs } from './lazy-blobs.ts';
import { composeUpkeep } from './upkeep.ts';

/** What a function's instance is made of; all but the environment is Lambda's own when left out. */
export interface FunctionParts {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly stores?: Stores;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** Where no setting says otherwise: an instance serves one request at a time, and its memory is paid by the megabyte. */
const CACHE_BYTES = '16777216';

/** The handler of a function that serves frames. Throws, which Lambda reports as an error of the start, for wrong settings. */
export function composeFrameFunction(name: FrameFunction, parts: FunctionParts = {}): LambdaHandler {
  const instance = new Instance(name, parts);
  const { settings, logger, clock } = instance;
  const engine = async (): Promise<FunctionEngine> => {
    const { handlePatiently } = await instance.broker();
    return { handle: handlePatiently };
  };
  const settle = (deadline: number) => instance.activity.settled(deadline);
  const { functionsAnonymous: anonymous, functionsWaitMaxMs: waitMaxMs } = settings;
  return frameFunction({ name, anonymous, waitMaxMs, clock, logger, engine, settle });
}

/** The handler of the function that does what nobody comes by to do. Throws for wrong settings. */
export function composeMaintainFunction(parts: FunctionParts = {}): MaintainHandler {
  const instance = new Instance('maintain', parts);
  const { clock, logger, activity } = instance;
  let upkeep: Upkeep | undefined;
  return maintainFunction({
    clock,
    logger,
    async upkeep(deadline) {
      upkeep ??= composeUpkeep(await instance.broker());
      // How often is the schedule's affair.
      const outcome = await upkeep.round({ deadline, everyMs: 0 });
      if (outcome.kind === 'skipped') return { skipped: outcome.why };
      if (outcome.unavailable !== undefined) throw new StoreUnavailableError(outcome.unavailable);
      return outcome.jobs;
    },
    settle: (deadline) => activity.settled(deadline),
  });
}

/** What lives as long as a function's instance: settings, clients, and the broker with its views. */
class Instance {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly activity: Activity;
  readonly #name: FunctionName;
  readonly #stores: Stores;
  readonly #random: Random;
  #broker: Promise<ComposedBroker> | undefined;

  constructor(name: FunctionName, parts: FunctionParts) {
    this.#name = name;
    this.clock = parts.clock ?? systemClock;
    this.#random = parts.random ?? systemRandom;
    this.activity = new Activity(this.clock);
    const { settings, warnings } = readSettings(parts.environment ?? process.env);
    this.settings = settings;
    this.logger = parts.logger ?? jsonLogger(this.clock, settings.logLevel, (line) => process.stdout.write(line));
    for (const message of warnings) this.logger.log('warn', { event: 'setting_ignored', message });
    const opened = parts.stores ?? openStores(settings, this.activity.clock, this.#random);
    this.#stores = aroundCalls(opened, (kind) => {
      assertRight(name, kind);
      return this.activity.begin();
    });
  }

  /** Composed at the first request; after a failure at the next. Throws StoreUnavailableError. */
  broker(): Promise<ComposedBroker> {
    this.#broker ??= this.#compose().catch((error: unknown) => {
      this.#broker = undefined;
      throw error;
    });
    return this.#broker;
  }

  #compose(): Promise<ComposedBroker> {
    const { settings, logger } = this;
    const [listener] = settings.listeners;
    const address = listener?.advertised ?? listener ?? { host: '127.0.0.1', port: 9092 };
    const asFunction: FunctionTraits = {
      tellsClusterId: this.#name === 'admin',
      tidiesUp: false,
      batchBytesMax: BATCH_BYTES_MAX,
    };
    return composeBroker({
      stores: this.#stores,
      clock: this.activity.clock,
      random: this.#random,
      logger,
      settings,
      advertised: () => address,
      asFunction,
    });
  }
}

function readSettings(environment: Readonly<Record<string, string | undefined>>) {
  const outcome = loadSettings({ environment: { TIDELOG_CACHE_BYTES: CACHE_BYTES, ...environment } });
  if (outcome.kind === 'invalid') throw new Error(`the function is not set up: ${outcome.problems.join(' ')}`);
  return outcome;
}

function openStores(settings: Settings, clock: Clock, random: Random): Stores {
  const { store, journalTable, stateTable, bucket } = settings;
  if (store !== 'aws' || journalTable === undefined || stateTable === undefined || bucket === undefined) {
    throw new Error('the function is not set up: tidelog.store has to be aws');
  }
  const client = dynamoDbClient();
  const journal = openDynamoDbTable({ client, tableName: journalTable, clock, random });
  const openBlobs = async () => {
    const [{ s3Client }, { openS3Blobs }] = await Promise.all([
      import('../storage/s3/client.ts'),
      import('../storage/s3/blobs.ts'),
    ]);
    return openS3Blobs({ client: s3Client(), bucket, prefix: '', clock, random });
  };
  return {
    journal,
    state: openDynamoDbTable({ client, tableName: stateTable, clock, random }),
    blobs: lazyBlobs(openBlobs, () => journal.now()),
    close: async () => client.destroy(),
  };
}

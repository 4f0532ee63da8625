import { type Clock, systemClock } from '../core/clock.ts';
import { jsonLogger, type Logger } from '../core/logger.ts';
import { type Random, systemRandom } from '../core/random.ts';
import { BATCH_BYTES_MAX } from '../doors/lambda/limits.ts';
import { loadSettings, type Settings } from '../settings/settings.ts';
import { aroundCalls } from '../storage/around-calls.ts';
import { dynamoDbClient } from '../storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../storage/dynamodb/table.ts';
import type { CallKind, Stores } from '../storage/ports.ts';
import { Activity } from './activity.ts';
import type { ComposeOptions, FunctionTraits } from './compose-options.ts';
import type { FunctionName } from './function-name.ts';
import { lazyBlobs, type OpenBlobs } from './lazy-blobs.ts';
import { assertRight } from './store-rights.ts';
import type { OpenWake, Wake } from './wake.ts';

/** The parts of a function's instance. Default: the system's, and the stores of the settings. */
export interface FunctionParts {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly stores?: Stores;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Starts the function `seal`, for a function that does so. */
  readonly wake?: Wake;
}

/**
 * Defaults of functions: an instance serves one request at a time, and its memory is billed by the
 * megabyte.
 */
const CACHE_BYTES = '16777216';

/** The functions whose answers contain the cluster id. */
const SHOW_CLUSTER_ID: readonly FunctionName[] = ['admin', 'rest'];

/**
 * A function: its name, and how its engine is built. Each has its own file in lib/run/functions, so
 * that a function's bundle has nothing that only other functions need.
 */
export interface FunctionDefinition<T, Name extends FunctionName> {
  readonly name: Name;
  /** The store calls that it may make. */
  readonly rights: readonly CallKind[];
  /**
   * Builds the engine from the stores. Called at the first request, and again after a failure.
   * Throws StoreUnavailableError.
   */
  make(options: ComposeOptions): Promise<T>;
  /** Opens the bucket. Absent for a function without rights to the bucket. */
  readonly openBlobs?: OpenBlobs;
  /** Absent for a function that does not start `seal`. */
  readonly openWake?: OpenWake;
}

/**
 * What lives as long as a function's instance: settings, clients, and the engine with its caches.
 */
export class FunctionInstance<T> {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly activity: Activity;
  readonly #name: FunctionName;
  readonly #stores: Stores;
  readonly #random: Random;
  readonly #wake: Wake | undefined;
  readonly #make: (options: ComposeOptions) => Promise<T>;
  #made: Promise<T> | undefined;

  constructor({ name, rights, openBlobs, openWake, make }: FunctionDefinition<T, FunctionName>, parts: FunctionParts) {
    this.#name = name;
    this.#make = make;
    this.clock = parts.clock ?? systemClock;
    this.#random = parts.random ?? systemRandom;
    this.activity = new Activity(this.clock);
    const environment = parts.environment ?? process.env;
    this.#wake = parts.wake ?? openWake?.(environment, this.activity.clock);
    const { settings, warnings } = readSettings(environment);
    this.settings = settings;
    this.logger = parts.logger ?? jsonLogger(this.clock, settings.logLevel, (line) => process.stdout.write(line));
    for (const message of warnings) this.logger.log('warn', { event: 'setting_ignored', message });
    const opened = parts.stores ?? openStores(settings, this.activity.clock, this.#random, openBlobs);
    this.#stores = aroundCalls(opened, (kind) => {
      assertRight(name, rights, kind);
      return this.activity.begin();
    });
  }

  /** Made at the first request; after a failure at the next. Throws StoreUnavailableError. */
  made(): Promise<T> {
    this.#made ??= this.#make(this.#options()).catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  #options(): ComposeOptions {
    const { settings, logger } = this;
    const [listener] = settings.listeners;
    const address = listener?.advertised ?? listener ?? { host: '127.0.0.1', port: 9092 };
    const asFunction: FunctionTraits = {
      needsClusterId: SHOW_CLUSTER_ID.includes(this.#name),
      collectsUnused: false,
      usesTopicConfigs: this.#name !== 'fetch',
      batchBytesMax: BATCH_BYTES_MAX,
      wake: this.#wake,
    };
    return {
      stores: this.#stores,
      clock: this.activity.clock,
      random: this.#random,
      logger,
      settings,
      advertised: () => address,
      asFunction,
    };
  }
}

function readSettings(environment: Readonly<Record<string, string | undefined>>) {
  const outcome = loadSettings({ environment: { TIDELOG_CACHE_BYTES: CACHE_BYTES, ...environment } });
  if (outcome.kind === 'invalid') throw new Error(`the function is not set up: ${outcome.problems.join(' ')}`);
  return outcome;
}

function openStores(settings: Settings, clock: Clock, random: Random, openBlobs: OpenBlobs | undefined): Stores {
  const { store, journalTable, stateTable, bucket } = settings;
  if (store !== 'aws' || journalTable === undefined || stateTable === undefined || bucket === undefined) {
    throw new Error('the function is not set up: tidelog.store has to be aws');
  }
  const client = dynamoDbClient();
  const journal = openDynamoDbTable({ client, tableName: journalTable, clock, random });
  const open = async () => {
    if (openBlobs === undefined) throw new Error('the function has no bucket');
    return openBlobs({ bucket, clock, random });
  };
  return {
    journal,
    state: openDynamoDbTable({ client, tableName: stateTable, clock, random }),
    blobs: lazyBlobs(open, () => journal.now()),
    close: async () => client.destroy(),
  };
}

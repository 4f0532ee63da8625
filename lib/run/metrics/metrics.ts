import { Registry } from 'prom-client';
import { errorName } from '../../core/errors.ts';
import type { CollectedObject, HistoryFailure, HistoryWork, Observer, RequestOutcome } from '../../core/observer.ts';
import type { GatewayStats } from '../../doors/tcp/server.ts';
import type { Journals } from '../../journal/open-journal.ts';
import type { Meter, MeteredCall } from '../../storage/metering.ts';
import type { CallKind } from '../../storage/ports.ts';
import { findApi } from '../../wire/apis.ts';
import { CostMetrics } from './cost-metrics.ts';
import { HistoryMetrics } from './history-metrics.ts';
import { Buckets, type Labels, Readings } from './tallies.ts';

/** Values that are read when the metrics are scraped. */
export interface MetricSources {
  readonly gateway: () => GatewayStats;
  readonly journals: Journals;
}

/**
 * Buckets for requests and store calls, seconds: from the embedded store's best to a fetch that
 * waits for half a minute.
 */
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Batches of one entry; GROUP_BATCHES_MAX is 1,000. */
const GROUP_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000];

/** Polls come every 10 ms to 10 s (TailPacing), so lags are about that. */
const LAG_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const MS_PER_SECOND = 1_000;

/** The label of all unknown API keys, so that clients cannot create labels. */
const UNKNOWN = 'unknown';

interface ApiTally {
  readonly name: string;
  readonly outcomes: Record<RequestOutcome, number>;
  readonly durations: Buckets;
  /** By error code. */
  readonly errors: Map<number, number>;
}

interface ListenerTally {
  received: number;
  sent: number;
}

interface FunctionTally {
  readonly name: string;
  readonly outcomes: Record<string, number>;
  readonly durations: Buckets;
}

interface StoreTally {
  readonly store: string;
  readonly operation: string;
  readonly outcomes: Map<string, number>;
  readonly durations: Buckets;
  written: number;
  read: number;
}

/**
 * The metrics of one Tidelog, in its own registry: two in one process do not mix. Labels have few
 * values: APIs, error names, listeners, kinds of store calls; never a topic, a client or a group.
 * docs/OPERATIONS.md lists all metrics, and test/integration/operations-doc.test.ts checks that
 * list. Events are added up here, and passed to the registry only at a scrape.
 */
export class Metrics implements Observer, Meter {
  readonly registry = new Registry();
  readonly #readings = new Readings(this.registry);
  readonly #apis = new Map<number | typeof UNKNOWN, ApiTally>();
  readonly #listeners = new Map<string, ListenerTally>();
  readonly #stores = new Map<CallKind, StoreTally>();
  readonly #functions = new Map<string, FunctionTally>();
  readonly #groups = new Buckets(GROUP_BUCKETS);
  readonly #lag = new Buckets(LAG_BUCKETS);
  readonly #history = new HistoryMetrics(this.#readings);
  readonly #costs = new CostMetrics(this.#readings);
  readonly #polls = { news: 0, none: 0, failed: 0 };
  #conflicts = 0;

  constructor() {
    this.#describeRequests();
    this.#describeStores();
    this.#describeJournals();
    this.#describeFunctions();
  }

  received(listener: string, bytes: number): void {
    this.#listener(listener).received += bytes;
  }

  sent(listener: string, bytes: number): void {
    this.#listener(listener).sent += bytes;
  }

  handled(apiKey: number, outcome: RequestOutcome, durationMs: number): void {
    const api = this.#api(apiKey);
    api.outcomes[outcome] += 1;
    api.durations.observe(durationMs / MS_PER_SECOND);
  }

  answeredError(apiKey: number, errorCode: number): void {
    const { errors } = this.#api(apiKey);
    errors.set(errorCode, (errors.get(errorCode) ?? 0) + 1);
  }

  committed(batches: number): void {
    this.#groups.observe(batches);
  }

  conflicted(): void {
    this.#conflicts += 1;
  }

  polled(lagMs: number | undefined): void {
    this.#polls[lagMs === undefined ? 'none' : 'news'] += 1;
    if (lagMs !== undefined) this.#lag.observe(lagMs / MS_PER_SECOND);
  }

  pollFailed(): void {
    this.#polls.failed += 1;
  }

  wroteHistory(work: HistoryWork, bytes: number): void {
    this.#history.wrote(work, bytes);
  }

  sealLagged(lagMs: number): void {
    this.#history.sealLagged(lagMs);
  }

  collected(kind: CollectedObject): void {
    this.#history.collected(kind);
  }

  historyFailed(event: HistoryFailure): void {
    this.#history.failed(event);
  }

  record(call: MeteredCall): void {
    const { kind, outcome, bytesIn, bytesOut, durationMs } = call;
    this.#costs.record(call);
    let tally = this.#stores.get(kind);
    if (tally === undefined) {
      const [store, operation] = kind.split('.') as [string, string];
      tally = { store, operation, outcomes: new Map(), durations: new Buckets(DURATION_BUCKETS), written: 0, read: 0 };
      this.#stores.set(kind, tally);
    }
    tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1);
    tally.durations.observe(durationMs / MS_PER_SECOND);
    tally.written += bytesIn;
    tally.read += bytesOut;
  }

  /** A function was called by a tunnel. */
  called(name: string, outcome: string, durationMs: number): void {
    let tally = this.#functions.get(name);
    if (tally === undefined) {
      tally = { name, outcomes: {}, durations: new Buckets(DURATION_BUCKETS) };
      this.#functions.set(name, tally);
    }
    tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
    tally.durations.observe(durationMs / MS_PER_SECOND);
  }

  /** Adds the values that are read from the parts at each scrape. Call it once. */
  watch({ gateway, journals }: MetricSources): void {
    this.watchGateway(gateway);
    this.#watchJournals(journals);
    this.#history.watch(journals);
  }

  /** The part of `watch` that needs no engine. Call it once. */
  watchGateway(gateway: () => GatewayStats): void {
    const gauge = (name: string, help: string, read: () => number) => this.#readings.gauge({ name, help }, read);
    gauge('tidelog_connections', 'Open connections of clients.', () => gateway().connections);
    gauge('tidelog_requests_in_flight', 'Requests that were started and have no outcome yet.', () => {
      return gateway().requestsInFlight;
    });
    gauge('tidelog_request_memory_bytes', 'Bytes of requests received and not answered yet.', () => {
      return gateway().requestBytes;
    });
    gauge('tidelog_answer_memory_bytes', 'Bytes of answers that the kernel has not taken yet.', () => {
      return gateway().answerBytes;
    });
    this.#readings.counter(
      { name: 'tidelog_connections_refused_total', help: 'Connections turned away for want of room.' },
      () => [[{}, gateway().refusedConnections]],
    );
  }

  #watchJournals(journals: Journals): void {
    const { cache, stores } = journals.env;
    const gauge = (name: string, help: string, read: () => number) => this.#readings.gauge({ name, help }, read);
    gauge('tidelog_open_journals', 'Journals that this process holds a view of.', () => journals.size);
    gauge(
      'tidelog_view_age_seconds_max',
      'Store time since the longest unconfirmed view was confirmed; 0 without views.',
      () => {
        let oldest = Number.POSITIVE_INFINITY;
        for (const { journal } of journals.opened()) {
          // An untrusted view (-Infinity) signs nothing before it is confirmed, so its age is left
          // out.
          if (Number.isFinite(journal.confirmedAt)) oldest = Math.min(oldest, journal.confirmedAt);
        }
        return Number.isFinite(oldest) ? Math.max(0, stores.journal.now() - oldest) / MS_PER_SECOND : 0;
      },
    );
    gauge('tidelog_entry_cache_bytes', 'Memory of the cache of entries.', () => cache.bytes);
    this.#readings.counter(
      {
        name: 'tidelog_entry_cache_lookups_total',
        help: 'Entries looked up for readers: found in memory, or to be read from the store.',
        labelNames: ['result'],
      },
      () => [
        [{ result: 'hit' }, cache.hits],
        [{ result: 'miss' }, cache.misses],
      ],
    );
  }

  #describeRequests(): void {
    this.#readings.counter(
      {
        name: 'tidelog_requests_total',
        help: 'Requests that have their outcome: an answer, none to be sent (acks=0), or the connection was closed.',
        labelNames: ['api', 'outcome'],
      },
      () => this.#eachApi(({ name: api, outcomes }) => counted(outcomes, (outcome) => ({ api, outcome }))),
    );
    this.#readings.histogram(
      {
        name: 'tidelog_request_duration_seconds',
        help: 'From the start of a request to its outcome; what a fetch waits for records is in it.',
        labelNames: ['api'],
      },
      () => this.#eachApi(({ name: api, durations }) => [[{ api }, durations] as const]),
    );
    this.#readings.counter(
      {
        name: 'tidelog_request_errors_total',
        help: 'Errors in answers by their names in Kafka, of the whole answer or of a partition or other resource in it.',
        labelNames: ['api', 'error'],
      },
      () =>
        this.#eachApi(({ name: api, errors }) =>
          [...errors].map(([code, count]) => [{ api, error: errorName(code) ?? UNKNOWN }, count] as const),
        ),
    );
    this.#readings.counter(
      { name: 'tidelog_received_bytes_total', help: 'Bytes that came from clients.', labelNames: ['listener'] },
      () => [...this.#listeners].map(([listener, { received }]) => [{ listener }, received]),
    );
    this.#readings.counter(
      {
        name: 'tidelog_sent_bytes_total',
        help: 'Bytes of answers that were handed to sockets.',
        labelNames: ['listener'],
      },
      () => [...this.#listeners].map(([listener, { sent }]) => [{ listener }, sent]),
    );
  }

  #describeStores(): void {
    const tallies = () => [...this.#stores.values()];
    this.#readings.counter(
      {
        name: 'tidelog_store_calls_total',
        help: 'Calls to the store (journal, state or blobs), by operation and outcome.',
        labelNames: ['store', 'operation', 'outcome'],
      },
      () =>
        tallies().flatMap(({ store, operation, outcomes }) =>
          [...outcomes].map(([outcome, count]) => [{ store, operation, outcome }, count] as const),
        ),
    );
    this.#readings.histogram(
      {
        name: 'tidelog_store_call_duration_seconds',
        help: 'How long calls to the store took.',
        labelNames: ['store', 'operation'],
      },
      () => tallies().map(({ store, operation, durations }) => [{ store, operation }, durations]),
    );
    this.#readings.counter(
      {
        name: 'tidelog_store_written_bytes_total',
        help: 'Bytes of items and objects that were sent to the store.',
        labelNames: ['store'],
      },
      () => tallies().map(({ store, written }) => [{ store }, written]),
    );
    this.#readings.counter(
      {
        name: 'tidelog_store_read_bytes_total',
        help: 'Bytes of items and objects that the store answered with, those of failed conditions among them.',
        labelNames: ['store'],
      },
      () => tallies().map(({ store, read }) => [{ store }, read]),
    );
  }

  #describeJournals(): void {
    this.#readings.histogram(
      { name: 'tidelog_group_commit_batches', help: 'Record batches in a committed journal entry.' },
      () => [[{}, this.#groups]],
    );
    this.#readings.counter(
      {
        name: 'tidelog_append_conflicts_total',
        help: 'Appends that met the entry of another process in their slot and were decided again.',
      },
      () => [[{}, this.#conflicts]],
    );
    this.#readings.counter(
      {
        name: 'tidelog_tail_polls_total',
        help: 'Polls of a journal with waiting consumers, by result: new entries, none, or no answer.',
        labelNames: ['result'],
      },
      () => counted(this.#polls, (result) => ({ result })),
    );
    this.#readings.histogram(
      {
        name: 'tidelog_tail_lag_seconds',
        help: 'Age of the newest entry when a poll found news for waiting consumers.',
      },
      () => [[{}, this.#lag]],
    );
  }

  #describeFunctions(): void {
    const tallies = () => [...this.#functions.values()];
    this.#readings.counter(
      {
        name: 'tidelog_function_calls_total',
        help: 'Calls of functions by a tunnel: answered, refused for a reason, or of unknown outcome.',
        labelNames: ['function', 'outcome'],
      },
      () => tallies().flatMap(({ name, outcomes }) => counted(outcomes, (outcome) => ({ function: name, outcome }))),
    );
    this.#readings.histogram(
      {
        name: 'tidelog_function_call_duration_seconds',
        help: 'How long calls of functions by a tunnel took; what fetches and joins wait for is in it.',
        labelNames: ['function'],
      },
      () => tallies().map(({ name, durations }) => [{ function: name }, durations]),
    );
  }

  #api(apiKey: number): ApiTally {
    const known = this.#apis.get(apiKey);
    if (known !== undefined) return known;
    const name = findApi(apiKey)?.name;
    const key = name === undefined ? UNKNOWN : apiKey;
    let tally = this.#apis.get(key);
    if (tally === undefined) {
      const outcomes = { answer: 0, none: 0, close: 0 };
      tally = { name: name ?? UNKNOWN, outcomes, durations: new Buckets(DURATION_BUCKETS), errors: new Map() };
      this.#apis.set(key, tally);
    }
    return tally;
  }

  #eachApi<T>(read: (tally: ApiTally) => readonly T[]): T[] {
    return [...this.#apis.values()].flatMap(read);
  }

  #listener(name: string): ListenerTally {
    let tally = this.#listeners.get(name);
    if (tally === undefined) {
      tally = { received: 0, sent: 0 };
      this.#listeners.set(name, tally);
    }
    return tally;
  }
}

/** The counts that are not 0, with their labels. */
function counted(counts: Readonly<Record<string, number>>, labelsOf: (key: string) => Labels): [Labels, number][] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([key, count]) => [labelsOf(key), count]);
}

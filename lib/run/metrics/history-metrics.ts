import type { CollectedObject, HistoryFailure, HistoryWork } from '../../core/observer.ts';
import type { Journals } from '../../journal/open-journal.ts';
import { Buckets, type Readings } from './tallies.ts';

/** A seal that keeps up comes within seconds; one that only a sweep finds, within some minutes. Seconds. */
const LAG_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600];

const MS_PER_SECOND = 1_000;

/** What is done with history, for the metrics: seals, merges, compactions, deleted objects, failures. */
export class HistoryMetrics {
  readonly #readings: Readings;
  readonly #work = new Map<HistoryWork, { count: number; bytes: number }>();
  readonly #collected = new Map<CollectedObject, number>();
  readonly #failures = new Map<HistoryFailure, number>();
  readonly #lag = new Buckets(LAG_BUCKETS);

  constructor(readings: Readings) {
    this.#readings = readings;
    this.#describe();
  }

  wrote(work: HistoryWork, bytes: number): void {
    const { count, bytes: before } = this.#work.get(work) ?? { count: 0, bytes: 0 };
    this.#work.set(work, { count: count + 1, bytes: before + bytes });
  }

  sealLagged(lagMs: number): void {
    this.#lag.observe(lagMs / MS_PER_SECOND);
  }

  collected(kind: CollectedObject): void {
    this.#collected.set(kind, (this.#collected.get(kind) ?? 0) + 1);
  }

  failed(event: HistoryFailure): void {
    this.#failures.set(event, (this.#failures.get(event) ?? 0) + 1);
  }

  /** Adds what is read from the views at each scrape. Call it once. */
  watch(journals: Journals): void {
    const { stores } = journals.env;
    const unsealed = () => [...journals.opened()].map(({ journal }) => journal.view).filter((view) => !view.closed);
    this.#readings.gauge(
      {
        name: 'tidelog_unsealed_bytes',
        help: 'Bytes of record batches that are not sealed, in the views of this process.',
      },
      () => unsealed().reduce((sum, { hotBytes }) => sum + hotBytes, 0),
    );
    this.#readings.gauge(
      { name: 'tidelog_unsealed_age_seconds_max', help: 'Age of the oldest of these batches; 0 without any.' },
      () => {
        const since = unsealed().flatMap(({ hotSince }) => (hotSince < 0 ? [] : [hotSince]));
        const oldest = Math.min(Number.POSITIVE_INFINITY, ...since);
        return Number.isFinite(oldest) ? Math.max(0, stores.journal.now() - oldest) / MS_PER_SECOND : 0;
      },
    );
  }

  #describe(): void {
    this.#readings.counter(
      {
        name: 'tidelog_history_work_total',
        help: 'Seals, merges of small segments, and passes of compaction.',
        labelNames: ['work'],
      },
      () => [...this.#work].map(([work, { count }]) => [{ work }, count]),
    );
    this.#readings.counter(
      {
        name: 'tidelog_history_written_bytes_total',
        help: 'Bytes of record batches that this work has written into objects.',
        labelNames: ['work'],
      },
      () => [...this.#work].map(([work, { bytes }]) => [{ work }, bytes]),
    );
    this.#readings.histogram(
      {
        name: 'tidelog_seal_lag_seconds',
        help: 'How long after it was due a seal came; of one that is due by size, after its newest batch.',
      },
      () => [[{}, this.#lag]],
    );
    this.#readings.counter(
      {
        name: 'tidelog_collected_objects_total',
        help: 'Objects that were deleted because nothing names them any more: segments or WAL objects.',
        labelNames: ['kind'],
      },
      () => [...this.#collected].map(([kind, count]) => [{ kind }, count]),
    );
    this.#readings.counter(
      {
        name: 'tidelog_history_failures_total',
        help: 'Work on history that could not be done, by the event of its log line.',
        labelNames: ['event'],
      },
      () => [...this.#failures].map(([event, count]) => [{ event }, count]),
    );
  }
}

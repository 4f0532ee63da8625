/**
 * Receives events of the engine as they happen, for metrics (lib/run/metrics). The calls come from
 * hot paths: they must cost next to nothing and must not throw. A process without metrics has no
 * observer.
 */
export interface Observer {
  /** A listener received bytes from its clients. */
  received(listener: string, bytes: number): void;
  /** The bytes of a response were handed to a socket of a listener. */
  sent(listener: string, bytes: number): void;
  /**
   * A request got its outcome `durationMs` after it was started. The time includes a fetch's wait.
   */
  handled(apiKey: number, outcome: RequestOutcome, durationMs: number): void;
  /**
   * A response has an error (Kafka's code, not 0), for the response as a whole or for one of its
   * resources.
   */
  answeredError(apiKey: number, errorCode: number): void;
  /** An entry with `batches` record batches was committed. */
  committed(batches: number): void;
  /** An append found another writer's entry in its slot and is decided again. */
  conflicted(): void;
  /**
   * A tail poll of a journal that consumers wait for has ended. `lagMs` is the age of the newest
   * entry read, in store time; undefined if there was no new entry.
   */
  polled(lagMs: number | undefined): void;
  /** A tail poll failed. */
  pollFailed(): void;
  /** Work on sealed history has written objects with so many bytes of record batches. */
  wroteHistory(work: HistoryWork, bytes: number): void;
  /** A seal came this long after it was due; ms. One that is due by size is due since its newest batch. */
  sealLagged(lagMs: number): void;
  /** An object that nothing names any more was deleted. */
  collected(kind: CollectedObject): void;
  /** Work on history could not be done; `event` is that of the log line. */
  historyFailed(event: HistoryFailure): void;
}

export type HistoryWork = 'seal' | 'merge' | 'compaction';

/** The object was one with segments, or a WAL object. */
export type CollectedObject = 'segment' | 'wal';

export type HistoryFailure =
  | 'seal_unreadable'
  | 'seal_items_failed'
  | 'merge_unreadable'
  | 'replace_items_failed'
  | 'compaction_failed'
  | 'retention_failed'
  | 'segment_object_unreadable'
  | 'segments_failed';

/** As in FrameOutcome (lib/broker): answered, no response, connection closed. */
export type RequestOutcome = 'answer' | 'none' | 'close';

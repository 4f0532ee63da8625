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
}

/** As in FrameOutcome (lib/broker): answered, no response, connection closed. */
export type RequestOutcome = 'answer' | 'none' | 'close';

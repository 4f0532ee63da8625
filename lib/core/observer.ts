/**
 * Is told what happens in the rooms, as it happens, so that somebody may count it (lib/run/metrics). The calls come
 * from hot paths: they must cost next to nothing and must not throw. Where nobody watches there is no observer at all.
 */
export interface Observer {
  /** Bytes came from the clients of a listener. */
  received(listener: string, bytes: number): void;
  /** The bytes of an answer were handed to a socket of a listener. */
  sent(listener: string, bytes: number): void;
  /** A request has its outcome, `durationMs` after it was started; a fetch's waiting is in it. */
  handled(apiKey: number, outcome: RequestOutcome, durationMs: number): void;
  /** An answer carries an error (Kafka's number, not 0), for the whole of it or for one of the resources in it. */
  answeredError(apiKey: number, errorCode: number): void;
  /** An entry with `batches` record batches was committed. */
  committed(batches: number): void;
  /** An append met somebody else's entry in its slot, and is decided again. */
  conflicted(): void;
  /**
   * A journal that consumers wait for was asked for news. `lagMs` is the age of the newest entry that came, in store time;
   * undefined when nothing came.
   */
  polled(lagMs: number | undefined): void;
  /** Such a poll failed. */
  pollFailed(): void;
}

/** As in FrameOutcome (lib/broker): answered, nothing to be sent, connection closed. */
export type RequestOutcome = 'answer' | 'none' | 'close';

/** Who asks, from where, and until when; reaches every handler. */
export interface RequestContext {
  /** 'User:ANONYMOUS' without authentication, as Kafka names it. */
  readonly principal: string;
  /** The client's own name from the request header; empty if it gave none. */
  readonly clientId: string;
  /** The client's address, without the port. */
  readonly host: string;
  /** The name of the listener that the request came in by; decides which address Metadata advertises. */
  readonly listener: string;
  /** When the answer is due at the latest, by Clock.monotonic(), ms; Infinity for none. */
  readonly deadline: number;
  /** Aborts when the connection is gone or the process drains; waiting stops at once then. */
  readonly signal: AbortSignal;
}

export const ANONYMOUS_PRINCIPAL = 'User:ANONYMOUS';

/** Kafka's name of a principal: the type, which is User for people and programs alike, and a name. */
export type Principal = `User:${string}`;

/** Who asks, from where, and until when; reaches every handler. */
export interface RequestContext {
  /** Whose rights count. Made in lib/auth/principal.ts only. */
  readonly principal: Principal;
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
  /** What clients are told to connect to, where a gateway in front of a function says so; otherwise the listener decides. */
  readonly advertised?: { readonly host: string; readonly port: number } | undefined;
  /** What the answer may take; no bound where left out. */
  readonly answerBytes?: AnswerBytes | undefined;
  /** Waits until a large answer of so many bytes may be made, and keeps room for it until the returned function is called. */
  readonly reserveAnswer?: ((bytes: number) => Promise<() => void>) | undefined;
  /** Only where whoever asks can ask again. */
  readonly again?: Again | undefined;
}

/** How large an answer may be; bytes. */
export interface AnswerBytes {
  /** No larger one can be sent at all. */
  readonly max: number;
  /** What it should keep to, as others are sent beside it. */
  readonly share: number;
}

/** A request that waits for others may be sent away, to be sent once more: functions answer within seconds. */
export interface Again {
  /** Aborts when what waits is to be sent away. */
  readonly signal: AbortSignal;
  /** What it was sent away with the last time; undefined the first time. */
  readonly token: string | undefined;
}

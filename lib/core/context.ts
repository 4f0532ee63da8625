/** A principal in Kafka's form: type and name. The type is always User. */
export type Principal = `User:${string}`;

/** The origin and the deadline of a request. Every handler gets one. */
export interface RequestContext {
  /** The principal whose rights apply. Made in lib/auth/principal.ts only. */
  readonly principal: Principal;
  /** The client id from the request header; empty if there is none. */
  readonly clientId: string;
  /** The client's address, without the port. */
  readonly host: string;
  /**
   * The name of the listener that received the request. It selects the address that Metadata
   * advertises.
   */
  readonly listener: string;
  /** Latest time for the response, by Clock.monotonic(); ms. Infinity: no deadline. */
  readonly deadline: number;
  /** Aborts when the connection closes or the process drains. Handlers stop waiting then. */
  readonly signal: AbortSignal;
  /**
   * The address to advertise to clients, if the gateway in front of a function gives one. Otherwise
   * the listener selects it.
   */
  readonly advertised?: { readonly host: string; readonly port: number } | undefined;
  /** Bounds on the size of the response. Default: no bound. */
  readonly answerBytes?: AnswerBytes | undefined;
  /**
   * Waits until memory for a large response of `bytes` is free and reserves it. The returned
   * function releases it.
   */
  readonly reserveAnswer?: ((bytes: number) => Promise<() => void>) | undefined;
  /** Present only if the sender can repeat the request. */
  readonly again?: Again | undefined;
}

/** Bounds on the size of a response; bytes. */
export interface AnswerBytes {
  /** A larger response cannot be sent at all. */
  readonly max: number;
  /** The size to aim for, because other responses are sent in the same message. */
  readonly share: number;
}

/**
 * Lets a waiting request be sent back to its sender, which repeats it. Functions answer within
 * seconds, so they cannot wait as long as a fetch may.
 */
export interface Again {
  /** Aborts when waiting requests have to be sent back. */
  readonly signal: AbortSignal;
  /** The token that the request got when it was last sent back; undefined the first time. */
  readonly token: string | undefined;
  /** Filled in by handlers for a sender that waits itself; absent for one that does not. */
  readonly advice?: Advice | undefined;
}

/**
 * What the sender of a request is told beside its outcome, so that it asks again only when it is
 * worth it. Subjects are names of what requests depend on: the id and the name of a topic, or the
 * id of a group.
 */
export interface Advice {
  /** What the outcome depends on: a change of it may change the answer. */
  about?: readonly string[];
  /** Whether the request has changed what it is about. */
  hasChanged?: boolean;
  /**
   * The session time-out of the member that sent the request, ms: the same request changes nothing
   * and has the same answer until the member's session has to be renewed, or something changes.
   */
  sessionMs?: number;
  /** When it is worth asking again, ms from now; not bounded yet. */
  afterMs?: number;
  /** Ask again within this time, even if nothing has changed; ms. */
  withinMs?: number;
  /** Where news of a waiting fetch will be: the journals that it waits for, with their last slots. */
  tails?: readonly JournalTail[];
}

/** The newest entry of a journal that a process knows. */
export interface JournalTail {
  readonly journal: string;
  readonly seq: number;
}

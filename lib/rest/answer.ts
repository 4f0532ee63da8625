/** The answer of a route. */
export type Answer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Sent as JSON; undefined for an answer without a body. */
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A text that is sent as it is. */
  | {
      readonly kind: 'text';
      readonly contentType: string;
      readonly text: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Texts that are sent as they come. */
  | {
      readonly kind: 'stream';
      readonly chunks: AsyncIterable<string>;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | Refusal;

/** The answer to a request that failed: Confluent's `error_code` and `message`. */
export interface Refusal {
  readonly kind: 'refused';
  /** Of HTTP. */
  readonly status: number;
  readonly errorCode: number;
  readonly message: string;
}

export function ok(body: unknown): Answer {
  return { kind: 'answer', status: 200, body };
}

export const NO_CONTENT: Answer = { kind: 'answer', status: 204 };

export function refused(status: number, errorCode: number, message: string): Refusal {
  return { kind: 'refused', status, errorCode, message };
}

/** Whether a value is a refusal, in place of what was asked for. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'refused';
}

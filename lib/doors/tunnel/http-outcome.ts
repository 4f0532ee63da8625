import { ENVELOPE_CONTENT_TYPE } from './envelope.ts';
import type { CallOutcome, RefusalReason } from './transport.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Its Date header, ms since the Unix epoch; NaN without one. */
  readonly serverTime: number;
  /** x-amzn-errortype, where AWS names its error. */
  readonly errorType: string;
  readonly body: Buffer;
}

/** A service's own error message is one line. Longer text is the page of another server. */
const MESSAGE_CHARACTERS_MAX = 300;

/**
 * Statuses that say that the request was not carried out. 408 and all of 5xx do not: the function
 * may have run.
 */
const REFUSALS: ReadonlyMap<number, RefusalReason> = new Map([
  [400, 'rejected'],
  [401, 'forbidden'],
  [403, 'forbidden'],
  [404, 'missing'],
  [405, 'missing'],
  [413, 'tooLarge'],
  [415, 'rejected'],
  [421, 'missing'],
  [429, 'throttled'],
]);

/** What an HTTP answer means. */
export function outcomeOfAnswer(answer: HttpAnswer): CallOutcome {
  const { status, contentType, body } = answer;
  if (status === 200) {
    if (contentType.startsWith(ENVELOPE_CONTENT_TYPE)) return { kind: 'answered', body };
    return refused(
      'missing',
      `it answers with ${contentType === '' ? 'no content type' : contentType}, as no function of Tidelog does`,
    );
  }
  const message = wordsOf(answer);
  const reason = REFUSALS.get(status) ?? (status >= 300 && status < 400 ? 'missing' : undefined);
  return reason === undefined ? { kind: 'unknown', message } : refused(reason, message);
}

/**
 * What a failed attempt means: without a connection nothing was sent; otherwise the outcome is
 * unknown.
 */
export function outcomeOfError(error: unknown): CallOutcome {
  const {
    name = '',
    message = String(error),
    code,
    connected,
  } = error as Partial<NodeJS.ErrnoException> & { connected?: boolean };
  // All of the SDK's credential providers use this error name.
  if (/Credentials|TokenProviderError|SSO/.test(name)) return refused('credentials', message);
  const words = code === undefined || message.includes(code) ? message : `${message} (${code})`;
  return connected === false ? refused('unreachable', words) : { kind: 'unknown', message: words };
}

function refused(reason: RefusalReason, message: string): CallOutcome {
  return { kind: 'refused', reason, message };
}

/** `403 AccessDeniedException: ...`, from AWS's JSON or from plain text. */
function wordsOf({ status, errorType, body }: HttpAnswer): string {
  const text = body.toString('utf8', 0, MESSAGE_CHARACTERS_MAX * 4).trim();
  const type = errorType.split(':')[0]!;
  const words = (messageIn(text) ?? text.replace(/\s+/g, ' ')).slice(0, MESSAGE_CHARACTERS_MAX);
  return `${[status, type].filter((part) => part !== '').join(' ')}${words === '' ? '' : `: ${words}`}`;
}

function messageIn(text: string): string | undefined {
  try {
    const parsed = JSON.parse(text) as { message?: unknown; Message?: unknown; error?: { message?: unknown } };
    const message = parsed.message ?? parsed.Message ?? parsed.error?.message;
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

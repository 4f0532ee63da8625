import { setMaxListeners } from 'node:events';
import { type Authorize, CLUSTER } from '../../auth/authorize.ts';
import { principalOfFrame } from '../../auth/principal.ts';
import type { FrameFunction } from '../../broker/apis.ts';
import type { FrameOutcome, PatientFrameHandler } from '../../broker/frame-handler.ts';
import { functionOf } from '../../broker/functions.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { Principal, RequestContext } from '../../core/context.ts';
import { ApiKey } from '../../wire/api-key.ts';
import { type ReceivedFrame, receiveFrame, SIZE_PREFIX_BYTES } from '../../wire/frame.ts';
import { decodeRequestEnvelope, type EnvelopeAnswer, type RequestEnvelope } from '../tunnel/envelope.ts';
import { ANSWER_BYTES_MAX } from './limits.ts';
import { type Refusal, refused } from './refusal.ts';

/** What serving one call needs. */
export interface Serving {
  readonly name: FrameFunction;
  readonly handle: PatientFrameHandler;
  readonly authorize: Authorize;
  readonly clock: Clock;
  /** Who called the function: the client itself, or a gateway. */
  readonly principal: Principal;
  /** How long frames of an envelope may wait before they get `again`; ms. */
  readonly waitMaxMs: number;
  /**
   * Clock.monotonic() times, ms: at `sendAwayAt` waiting frames get `again`, and by `deadline` all
   * others have their answer.
   */
  readonly sendAwayAt: number;
  readonly deadline: number;
}

/** The listener name of frames without an envelope. */
const DIRECT_LISTENER = 'FUNCTION';

/** The kind byte and the length in front of each answer; see envelope.ts. */
const ENVELOPE_BYTES_PER_ANSWER = 5;

/**
 * Serves all frames of an envelope concurrently. Produce frames take their places in envelope order
 * before the first await. As soon as one frame has its answer, frames that only wait for other
 * requests get `again`, so that they do not delay it. An envelope with any invalid frame is refused
 * as a whole.
 */
export async function serveEnvelope(serving: Serving, body: Buffer): Promise<readonly EnvelopeAnswer[] | Refusal> {
  const envelope = readEnvelope(body);
  if ('kind' in envelope) return envelope;
  const requests = envelope.frames.map(({ frame, ...origin }) => ({ frame: receiveFrame(frame), ...origin }));
  const misplaced = requests.find(({ frame }) => isMisplaced(frame, serving.name));
  if (misplaced !== undefined) return misdirected(serving.name, misplaced.frame.head.apiKey);
  const { listener, advertised } = envelope;
  const signal = neverAborted();
  const { clock, principal: caller, deadline, waitMaxMs } = serving;
  if (requests.some(({ principal }) => principal !== undefined)) {
    const refusal = await notToVouch(serving, { clientId: '', host: '', listener, signal });
    if (refusal !== undefined) return refusal;
  }
  const frames = requests.map(({ frame }) => frame);
  const fetches = frames.filter(isFetch).length;
  const answerBytes = { max: ANSWER_BYTES_MAX, share: Math.floor(ANSWER_BYTES_MAX / Math.max(1, fetches)) };
  const away = new AbortController();
  setMaxListeners(0, away.signal);
  const waitMs = Math.min(waitMaxMs, Math.max(0, serving.sendAwayAt - clock.monotonic()));
  const cancel = clock.setTimer(waitMs, () => away.abort());
  const outcomes = await Promise.all(
    requests.map(async ({ frame, host, token, principal }) => {
      const again = { signal: away.signal, token };
      const context = {
        principal: principalOfFrame(caller, principal),
        clientId: frame.head.clientId ?? '',
        host,
        listener,
        advertised,
        deadline,
        signal,
        answerBytes,
        again,
      };
      const outcome = await serving.handle(frame, context);
      away.abort();
      return outcome;
    }),
  );
  cancel();
  return fitted(outcomes, frames);
}

/**
 * Why the caller may not send requests of other principals; undefined if it may. Kafka's Envelope
 * requests need the same right.
 */
async function notToVouch(
  { authorize, principal, deadline }: Serving,
  origin: Pick<RequestContext, 'clientId' | 'host' | 'listener' | 'signal'>,
): Promise<Refusal | undefined> {
  const decisions = await authorize({ ...origin, principal, deadline }, [
    { operation: 'CLUSTER_ACTION', resource: CLUSTER },
  ]);
  if (decisions.allows('CLUSTER_ACTION', CLUSTER)) return undefined;
  return refused(403, `${principal} may not send requests of other principals: it lacks CLUSTER_ACTION on the cluster`);
}

/**
 * The response frame without its size; undefined where Kafka sends nothing. A waiting request has
 * until `sendAwayAt`.
 */
export async function serveFrame(serving: Serving, body: Buffer): Promise<readonly Buffer[] | undefined | Refusal> {
  const frame = receiveFrame(body);
  if (frame.kind === 'malformed') return refused(400, 'the body is no Kafka request: it is shorter than a header');
  if (isMisplaced(frame, serving.name)) return misdirected(serving.name, frame.head.apiKey);
  const { principal, sendAwayAt } = serving;
  const answerBytes = { max: ANSWER_BYTES_MAX, share: ANSWER_BYTES_MAX };
  const context: RequestContext = {
    principal,
    clientId: frame.head.clientId ?? '',
    host: '',
    listener: DIRECT_LISTENER,
    deadline: sendAwayAt,
    signal: neverAborted(),
    answerBytes,
  };
  const outcome = await serving.handle(frame, context);
  switch (outcome.kind) {
    case 'answer': {
      const chunks = withoutSize(outcome.chunks);
      const bytes = sizeOf(chunks);
      return bytes <= ANSWER_BYTES_MAX ? chunks : refused(500, tooLarge(bytes));
    }
    case 'none':
      return undefined;
    case 'close':
      return refused(statusOf(outcome), outcome.reason);
    case 'again':
      return refused(503, 'the request still waits');
  }
}

/**
 * The signal of requests whose client counts as connected. Each call has its own, so that its
 * listeners are collected with it.
 */
function neverAborted(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}

function readEnvelope(body: Buffer): RequestEnvelope | Refusal {
  try {
    return decodeRequestEnvelope(body);
  } catch (error) {
    if (error instanceof MalformedBytesError) return refused(400, `not an envelope of frames: ${error.message}`);
    throw error;
  }
}

function isMisplaced({ kind, head }: ReceivedFrame, name: FrameFunction): boolean {
  return kind === 'request' && functionOf(head.apiKey) !== name;
}

function isFetch({ kind, head }: ReceivedFrame): boolean {
  return kind === 'request' && head.apiKey === ApiKey.Fetch;
}

function misdirected(name: FrameFunction, apiKey: number): Refusal {
  return refused(421, `API key ${apiKey} is served by the function ${functionOf(apiKey)}, not by ${name}`);
}

function statusOf({ fault }: FrameOutcome & { kind: 'close' }): Refusal['status'] {
  if (fault === 'store') return 503;
  return fault === 'bug' ? 500 : 400;
}

type Outcome = Awaited<ReturnType<PatientFrameHandler>>;

/**
 * The answers that fit into one body. A Fetch answer that does not fit becomes `again`, and the
 * next try reads the same records.
 */
function fitted(outcomes: readonly Outcome[], frames: readonly ReceivedFrame[]): EnvelopeAnswer[] {
  const whole = ANSWER_BYTES_MAX - 1 - outcomes.length * ENVELOPE_BYTES_PER_ANSWER;
  const sizes = outcomes.map((outcome) => (outcome.kind === 'answer' ? sizeOf(outcome.chunks) - SIZE_PREFIX_BYTES : 0));
  let left = sizes.reduce((rest, size, index) => (isFetch(frames[index]!) ? rest : rest - size), whole);
  return outcomes.map((outcome, index): EnvelopeAnswer => {
    if (outcome.kind !== 'answer') return outcome;
    const size = sizes[index]!;
    if (isFetch(frames[index]!)) {
      if (size <= whole && size > left) return { kind: 'again', token: '0' };
      left -= size;
    }
    if (left < 0) return { kind: 'close', reason: tooLarge(size) };
    return { kind: 'answer', chunks: withoutSize(outcome.chunks) };
  });
}

function tooLarge(bytes: number): string {
  return `the answer has ${bytes} bytes, of which a function can send ${ANSWER_BYTES_MAX}; ask for less, or use tidelog gateway --direct`;
}

function withoutSize(chunks: readonly Buffer[]): readonly Buffer[] {
  const [first, ...rest] = chunks;
  return first === undefined ? [] : [first.subarray(SIZE_PREFIX_BYTES), ...rest];
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);
}

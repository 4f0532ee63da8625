import { setMaxListeners } from 'node:events';
import { type Authorize, CLUSTER } from '../../auth/authorize.ts';
import { principalOfFrame } from '../../auth/principal.ts';
import type { FrameFunction } from '../../broker/apis.ts';
import type { FrameOutcome, PatientFrameHandler } from '../../broker/frame-handler.ts';
import { functionOf } from '../../broker/functions.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { Advice, Principal, RequestContext } from '../../core/context.ts';
import { ApiKey } from '../../wire/api-key.ts';
import { type ReceivedFrame, receiveFrame, SIZE_PREFIX_BYTES } from '../../wire/frame.ts';
import {
  type AnswerFormat,
  decodeRequestEnvelope,
  type EnvelopeAnswer,
  FORMAT_WITH_ADVICE,
} from '../tunnel/envelope.ts';
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

/** The answers to the frames of an envelope, in their order, and the format that the gateway reads. */
export interface AnswerEnvelope {
  readonly format: AnswerFormat;
  readonly answers: readonly EnvelopeAnswer[];
}

/** The listener name of frames without an envelope. */
const DIRECT_LISTENER = 'FUNCTION';

/** The kind byte and the length in front of each answer; see envelope.ts. */
const ENVELOPE_BYTES_PER_ANSWER = 5;

/** What is told of an answer has another length, and may have a token; see envelope.ts. */
const ENVELOPE_BYTES_PER_ADVICE = 256;

/**
 * Serves all frames of an envelope concurrently. Produce frames take their places in envelope order
 * before the first await. Frames that wait for other requests get `again`: at once if the gateway
 * waits itself, else as soon as one frame has its answer, so that they do not delay it. An envelope
 * with any invalid frame is refused as a whole.
 */
export async function serveEnvelope(serving: Serving, body: Buffer): Promise<AnswerEnvelope | Refusal> {
  const envelope = readEnvelope(body);
  if ('kind' in envelope) return envelope;
  const format = envelope.answers;
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
  // A gateway that waits itself is not made to pay for a function that does.
  const senderWaits = format === FORMAT_WITH_ADVICE;
  const waitMs = senderWaits ? 0 : Math.min(waitMaxMs, Math.max(0, serving.sendAwayAt - clock.monotonic()));
  if (senderWaits) away.abort();
  const cancel = clock.setTimer(waitMs, () => away.abort());
  const served = await Promise.all(
    requests.map(async ({ frame, host, token, principal }) => {
      const advice: Advice | undefined = senderWaits ? {} : undefined;
      const again = { signal: away.signal, token, advice };
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
      return { outcome, advice };
    }),
  );
  cancel();
  return { format, answers: fitted(served, frames) };
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

function readEnvelope(body: Buffer): ReturnType<typeof decodeRequestEnvelope> | Refusal {
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

/** A frame's outcome, and what its handler has to tell the sender. */
interface Served {
  readonly outcome: Awaited<ReturnType<PatientFrameHandler>>;
  readonly advice: Advice | undefined;
}

/**
 * The answers that fit into one body. A Fetch answer that does not fit becomes `again`, and the
 * next try reads the same records.
 */
function fitted(served: readonly Served[], frames: readonly ReceivedFrame[]): EnvelopeAnswer[] {
  const whole = served.reduce((rest, { advice }) => rest - besides(advice), ANSWER_BYTES_MAX - 1);
  const sizes = served.map(({ outcome }) =>
    'chunks' in outcome && outcome.chunks !== undefined ? sizeOf(outcome.chunks) - SIZE_PREFIX_BYTES : 0,
  );
  let left = sizes.reduce((rest, size, index) => (isFetch(frames[index]!) ? rest : rest - size), whole);
  return served.map(({ outcome, advice }, index): EnvelopeAnswer => {
    const size = sizes[index]!;
    if (outcome.kind === 'again') {
      const chunks = size > 0 && size <= left ? withoutSize(outcome.chunks!) : undefined;
      if (chunks !== undefined) left -= size;
      return { kind: 'again', token: outcome.token, chunks, advice };
    }
    if (outcome.kind !== 'answer') return outcome;
    if (isFetch(frames[index]!)) {
      if (size <= whole && size > left) return { kind: 'again', token: '0', advice: {} };
      left -= size;
    }
    if (left < 0) return { kind: 'close', reason: tooLarge(size) };
    if (outcome.errorCode !== 0) delete advice?.sessionMs;
    return { kind: 'answer', chunks: withoutSize(outcome.chunks), advice };
  });
}

/** The bytes of an answer in an envelope beside those of its response. */
function besides(advice: Advice | undefined): number {
  if (advice === undefined) return ENVELOPE_BYTES_PER_ANSWER;
  return ENVELOPE_BYTES_PER_ANSWER + ENVELOPE_BYTES_PER_ADVICE + Buffer.byteLength(JSON.stringify(advice));
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

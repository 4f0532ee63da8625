import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import { type Clock, sleep } from '../../core/clock.ts';
import { ApiKey } from '../../wire/apis.ts';
import { encodeRequest } from '../../wire/client-frame.ts';
import { SIZE_PREFIX_BYTES } from '../../wire/frame.ts';
import { decodeAnswerEnvelope } from './answer-envelope.ts';
import { encodeRequestEnvelope } from './envelope.ts';
import { mayPass } from './retry.ts';
import type { CallOutcome, Transport } from './transport.ts';
import { troubleText } from './trouble-log.ts';

/**
 * Attempts for a function that is throttled or fails at its first start, with a second in between.
 */
const ATTEMPTS = 3;
const BETWEEN_ATTEMPTS_MS = 1_000;

const CLIENT_ID = 'tidelog-gateway';

/**
 * For each function a request with an empty question. It is answered whatever the log holds, and
 * changes nothing.
 */
const QUESTIONS: Readonly<Record<FrameFunction, () => Buffer[]>> = {
  produce: () => encodeRequest(ApiKey.Produce, 3, 0, CLIENT_ID, { acks: 1, timeoutMs: 1_000, topicData: [] }),
  fetch: () => encodeRequest(ApiKey.ListOffsets, 1, 0, CLIENT_ID, { replicaId: -1, topics: [] }),
  coordinate: () => encodeRequest(ApiKey.DescribeGroups, 0, 0, CLIENT_ID, { groups: [] }),
  admin: () => encodeRequest(ApiKey.Metadata, 1, 0, CLIENT_ID, { topics: [] }),
};

/** A function that cannot be called. */
export interface FunctionProblem {
  readonly name: FrameFunction;
  /** What is wrong, and what to do, in a sentence or two. */
  readonly message: string;
  /** The credentials may not call this function; everything else works. */
  readonly isForbidden: boolean;
}

/** Calls every function once with an empty request, which also starts cold functions. */
export async function checkFunctions(transport: Transport, clock: Clock): Promise<readonly FunctionProblem[]> {
  const problems = await Promise.all(FRAME_FUNCTIONS.map((name) => checkFunction(transport, name, clock)));
  return problems.filter((problem) => problem !== undefined);
}

async function checkFunction(
  transport: Transport,
  name: FrameFunction,
  clock: Clock,
): Promise<FunctionProblem | undefined> {
  const frame = Buffer.concat(QUESTIONS[name]()).subarray(SIZE_PREFIX_BYTES);
  const envelope = encodeRequestEnvelope({
    listener: 'CHECK',
    advertised: { host: '127.0.0.1', port: 0 },
    frames: [{ frame, host: '127.0.0.1' }],
  });
  for (let attempts = 1; ; attempts++) {
    const outcome = checked(await transport.call(name, envelope));
    if (outcome.kind === 'answered') return undefined;
    const isUnreachable = outcome.kind === 'refused' && outcome.reason === 'unreachable';
    // An unreachable address does not recover within a second, and the operator should see it at
    // once.
    const mayHelp = !isUnreachable && (mayPass(outcome) || outcome.kind === 'unknown');
    if (attempts >= ATTEMPTS || !mayHelp) {
      const message =
        outcome.kind === 'unknown'
          ? `${transport.describe(name)} fails: ${outcome.message}. Look into the log of the function.`
          : troubleText(transport, name, outcome);
      return { name, message, isForbidden: outcome.kind === 'refused' && outcome.reason === 'forbidden' };
    }
    await sleep(clock, BETWEEN_ATTEMPTS_MS);
  }
}

/** The answer of another service does not count, nor does one that closes the connection. */
function checked(outcome: CallOutcome): CallOutcome {
  if (outcome.kind !== 'answered') return outcome;
  try {
    const [answer] = decodeAnswerEnvelope(outcome.body, 1);
    return answer?.kind === 'close' ? { kind: 'unknown', message: answer.reason } : outcome;
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    return { kind: 'refused', reason: 'missing', message: `its answer is not an envelope (${error.message})` };
  }
}

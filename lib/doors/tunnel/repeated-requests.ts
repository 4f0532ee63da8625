import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { functionOf } from '../../broker/functions.ts';
import type { RequestContext } from '../../core/context.ts';
import { ApiKey } from '../../wire/api-key.ts';
import type { RequestFrame } from '../../wire/frame.ts';
import { concerns, type Moment } from './changes.ts';
import type { EnvelopeAnswer } from './envelope.ts';
import { answered, type TunnelEnvironment } from './environment.ts';
import { type FrameToSend, type FunctionCalls, inEnvelopes } from './function-calls.ts';
import { frameToSend } from './lone-request.ts';
import type { WaitingPace } from './pace.ts';
import { answeredAs, CORRELATION_AT, CORRELATION_BYTES } from './stored-answer.ts';

/** Requests that members of groups send again and again, mostly without anything new in them. */
export const REPEATED: ReadonlySet<number> = new Set([
  ApiKey.Heartbeat,
  ApiKey.ConsumerGroupHeartbeat,
  ApiKey.OffsetCommit,
]);

/**
 * The tunnel passes a member's last request on only if it came within this share of the time that it
 * answered for. A member that stopped earlier is not kept alive longer than by its session.
 */
const FRESH_SHARE = 1 / 3;

/**
 * A commit that changes nothing is answered by the tunnel as long as the member's heartbeats are clean:
 * only the member itself could have changed what it has committed. It is answered a little longer than
 * the heartbeat, whose next answer comes first, and the function gets it at least so often; ms.
 */
const COMMIT_SHARE = 1.2;
const COMMIT_MS_MAX = 5 * 60_000;

/** Commits that one call passes on: a function carries out those to one item one after the other. */
const COMMITS_AT_ONCE = 4;

/** The requests of one API on a connection. */
interface Place {
  readonly apiKey: number;
  /** The newest one, which the tunnel or the function got. */
  latest: FrameToSend;
  /** Requests of the client without an answer. */
  open: number;
  /** The answer to `latest`, while the tunnel may repeat it. */
  quiet: Quiet | undefined;
  /** Ends when the function has answered what the tunnel passed on. */
  passingOn: Promise<unknown> | undefined;
}

interface Quiet {
  readonly response: Buffer;
  readonly about: readonly string[];
  /** How long the tunnel answers itself, from when the request was sent; ms. */
  readonly forMs: number;
  /** When the function got it last. */
  readonly since: number;
  until: number;
  /** When the client last sent the request. */
  seenAt: number;
  /** The client has sent it since the function last got it. */
  isOwed: boolean;
}

/** A request on its way. `settle` is absent for one that the tunnel passes on. */
interface Sent {
  readonly place: Place;
  readonly request: FrameToSend;
  readonly seenAt: number;
  /** Another one of the connection was open when it was sent, so that nobody knows which came last. */
  readonly overlaps: boolean;
  readonly settle?: (outcome: FrameOutcome) => void;
}

/**
 * Heartbeats and commits of all members behind a tunnel. What is sent goes in one call. A request that
 * repeats the last one on its connection is answered by the tunnel for a part of the member's session,
 * if the answer was clean and nothing has changed in the group through this tunnel. When that part is
 * over, the members' last requests are passed on, again in one call for all.
 */
export class RepeatedRequests {
  readonly #env: TunnelEnvironment;
  readonly #calls: FunctionCalls;
  readonly #pace: WaitingPace;
  /** By the connection's signal, then by API. */
  readonly #connections = new Map<AbortSignal, Map<number, Place>>();
  #queue: Sent[] = [];
  #isScheduled = false;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(env: TunnelEnvironment, calls: FunctionCalls, pace: WaitingPace) {
    this.#env = env;
    this.#calls = calls;
    this.#pace = pace;
    env.changes.onChange((changed) => {
      for (const place of this.#places()) {
        if (place.quiet !== undefined && concerns(place.quiet.about, changed)) place.quiet = undefined;
      }
    });
  }

  /** Resolves with the outcome of a request of one of REPEATED. */
  async send(frame: RequestFrame, context: RequestContext): Promise<FrameOutcome> {
    const request = frameToSend(frame, context);
    const place = this.#placeOf(request, frame.head.apiKey);
    // What the tunnel has passed on must not arrive after what the client sends now.
    await place.passingOn;
    const now = this.#env.clock.monotonic();
    const { quiet, latest } = place;
    if (quiet !== undefined && now < quiet.until && isSame(latest, request)) {
      quiet.seenAt = now;
      quiet.isOwed = true;
      if (!isCommit(place)) this.#passOnAt(quiet.until);
      return answeredAs(quiet.response, frame.head.correlationId);
    }
    place.quiet = undefined;
    place.latest = request;
    const overlaps = place.open++ > 0;
    return new Promise((settle) => {
      this.#queue.push({ place, request, seenAt: now, overlaps, settle });
      this.#schedule();
    });
  }

  #placeOf(request: FrameToSend, apiKey: number): Place {
    const { signal } = request;
    let byApi = this.#connections.get(signal);
    if (byApi === undefined) {
      byApi = new Map();
      this.#connections.set(signal, byApi);
      // Nothing is passed on for a client that has gone.
      signal.addEventListener('abort', () => this.#connections.delete(signal), { once: true });
    }
    const place = byApi.get(apiKey) ?? { apiKey, latest: request, open: 0, quiet: undefined, passingOn: undefined };
    byApi.set(apiKey, place);
    return place;
  }

  *#places(): Generator<Place> {
    for (const byApi of this.#connections.values()) yield* byApi.values();
  }

  /** Waits one turn of the event loop, so that requests of other members join the call. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#env.clock.setTimer(0, () => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #passOnAt(at: number): void {
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const { clock } = this.#env;
    const cancel = clock.setTimer(Math.max(0, Math.ceil(at - clock.monotonic())), () => {
      this.#timer = undefined;
      this.#flush();
    });
    this.#timer = { at, cancel };
  }

  /** Sends what clients wait for, and passes on what is owed and due, or due soon. */
  #flush(): void {
    const now = this.#env.clock.monotonic();
    const owed = [...this.#places()].filter(({ quiet }) => quiet?.isOwed);
    const beats = owed.filter((place) => !isCommit(place));
    const isSending = this.#queue.length > 0 || beats.some(({ quiet }) => quiet!.until <= now);
    const due = isSending ? owed.filter((place) => isDueSoon(place, now)) : [];
    const passedOn = [...due.filter((place) => !isCommit(place)), ...due.filter(isCommit).slice(0, COMMITS_AT_ONCE)];
    const sent = [...this.#queue, ...passedOn.flatMap((place) => takeOwed(place, now))];
    this.#queue = [];
    for (const listener of new Set(sent.map(({ request }) => request.listener))) {
      const here = sent.filter(({ request }) => request.listener === listener);
      for (const some of inEnvelopes(here, ({ request }) => request.frame.length)) void this.#carry(some);
    }
    const next = Math.min(...beats.flatMap(({ quiet }) => (quiet?.isOwed ? [quiet.until] : [])));
    if (next < Number.POSITIVE_INFINITY) this.#passOnAt(next);
  }

  async #carry(sent: readonly Sent[]): Promise<void> {
    const moment = this.#env.changes.moment();
    const carried = this.#calls.carry(
      functionOf(ApiKey.Heartbeat),
      sent.map(({ request }) => request),
    );
    for (const { place, settle } of sent) if (settle === undefined) place.passingOn = carried;
    const answers = await carried;
    for (const [index, one] of sent.entries()) this.#land(one, answers[index]!, moment);
  }

  #land({ place, request, seenAt, overlaps, settle }: Sent, answer: EnvelopeAnswer, sentAt: Moment): void {
    if (settle === undefined) place.passingOn = undefined;
    else place.open--;
    if (place.latest === request && !overlaps) place.quiet = this.#quietAfter(place, answer, seenAt, sentAt);
    if (!isCommit(place) && place.quiet !== undefined) this.#extendCommit(place.quiet, request.signal, sentAt);
    if (answer.kind === 'answer') settle?.(answered(answer.chunks));
    else if (answer.kind === 'again') settle?.({ kind: 'close', reason: 'the function answered with `again`' });
    else settle?.(answer);
  }

  /** Undefined if the next request has to be sent, whatever it is. */
  #quietAfter(place: Place, answer: EnvelopeAnswer, seenAt: number, sentAt: Moment): Quiet | undefined {
    if (answer.kind !== 'answer') return undefined;
    const { about = [], sessionMs = 0 } = answer.advice ?? {};
    const forMs = sessionMs * this.#pace.quietShare * (isCommit(place) ? COMMIT_SHARE : 1);
    if (forMs <= 0 || this.#env.changes.haveChanged(about, sentAt)) return undefined;
    const response = Buffer.concat(answer.chunks);
    return { response, about, forMs, since: sentAt.at, until: sentAt.at + forMs, seenAt, isOwed: false };
  }

  /** A clean heartbeat shows that what its member has committed still stands. */
  #extendCommit({ about }: Quiet, signal: AbortSignal, { at }: Moment): void {
    const commit = this.#connections.get(signal)?.get(ApiKey.OffsetCommit)?.quiet;
    if (commit === undefined || !concerns(about, new Set(commit.about))) return;
    commit.until = Math.max(commit.until, Math.min(at + commit.forMs, commit.since + COMMIT_MS_MAX));
  }
}

function isCommit({ apiKey }: Place): boolean {
  return apiKey === ApiKey.OffsetCommit;
}

/** Whether what a client has sent may as well be passed on with what is sent now. */
function isDueSoon(place: Place, now: number): boolean {
  const { until, forMs, since } = place.quiet!;
  return isCommit(place) ? now - since > COMMIT_MS_MAX / 2 : until - now <= forMs / 2;
}

/**
 * The request to pass on, once: a client repeats what it has sent itself. None for a client that has
 * been silent for long.
 */
function takeOwed(place: Place, now: number): Sent[] {
  const { quiet, latest } = place;
  const { seenAt, forMs } = quiet!;
  quiet!.isOwed = false;
  if (now - seenAt > forMs * FRESH_SHARE) {
    place.quiet = undefined;
    return [];
  }
  const request = { ...latest, isRepeatable: false };
  place.latest = request;
  return [{ place, request, seenAt, overlaps: false }];
}

/** Whether two requests differ in nothing but their correlation ids. */
function isSame({ frame: one }: FrameToSend, { frame: other }: FrameToSend): boolean {
  const behind = CORRELATION_AT.request + CORRELATION_BYTES;
  return (
    one.length === other.length &&
    one.subarray(0, CORRELATION_AT.request).equals(other.subarray(0, CORRELATION_AT.request)) &&
    one.subarray(behind).equals(other.subarray(behind))
  );
}

import type { FrameFunction } from '../../broker/apis.ts';
import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { functionOf } from '../../broker/functions.ts';
import type { JournalTail, RequestContext } from '../../core/context.ts';
import { boundedMap } from '../../kit/bounded-map.ts';
import { ApiKey } from '../../wire/api-key.ts';
import type { RequestFrame } from '../../wire/frame.ts';
import { concerns, type Moment } from './changes.ts';
import type { EnvelopeAnswer } from './envelope.ts';
import { answered, type TunnelEnvironment } from './environment.ts';
import { readFetchFrame } from './fetch-frame.ts';
import { type FrameToSend, type FunctionCalls, inEnvelopes } from './function-calls.ts';
import { frameToSend } from './lone-request.ts';
import { boundedMs, type WaitingPace } from './pace.ts';
import { answeredAs } from './stored-answer.ts';
import type { TailWatch } from './tail-watch.ts';

/**
 * The interval of questions to a function that waits itself and only answers `again` when its time is
 * over: it is older than this gateway. It bounds the rate if it answers at once; ms.
 */
const AGAIN_INTERVAL_MS = 200;

/** Fetches that nothing was there for, remembered for the clients that ask the same again. */
const SILENCES_MAX = 10_000;

/**
 * An eventually consistent read may miss what was written so long before it; ms. AWS: usually within a
 * second.
 */
const STALE_READ_MS = 2_000;

/**
 * A function is asked at least so often, even if the journals have no news: it also knows of deleted
 * topics and of lost rights; ms.
 */
const ASKED_EVERY_MS = 5 * 60_000;

/** What a function said of a request that waits. */
interface Silence {
  readonly about: readonly string[];
  readonly tails: readonly JournalTail[];
  /** The response to a client that waits no longer; without its size. */
  readonly response: Buffer | undefined;
  /** The function leaves the waiting to the gateway; an older one does not. */
  readonly isAdvised: boolean;
  readonly asked: Moment;
  readonly answeredAt: number;
  /** What the function said of when to ask again, without bounds; ms. */
  readonly afterMs: number;
  /** The function is asked by then, whether or not the journals have news. */
  readonly askBy: number;
  /** The least time between two questions; ms. */
  minMs: number;
  paceMs: number;
  /** When it is worth asking again. */
  dueAt: number;
}

interface Waiter {
  readonly name: FrameFunction;
  readonly correlationId: number;
  readonly frame: FrameToSend;
  /** Of a fetch; see FetchFrame. */
  readonly key: string | undefined;
  readonly since: number;
  /** When its client waits no longer; infinite for joins and syncs. */
  readonly endsAt: number;
  silence: Silence | undefined;
  token: string | undefined;
  isSettled: boolean;
  readonly settle: (outcome: FrameOutcome) => void;
}

/**
 * Requests that wait for others: fetches for records, joins and syncs for members. They wait here,
 * where waiting costs nothing. Whatever is due is asked for in one call per function and listener,
 * together with what is due soon, so that there is one call per pace however many wait. A client that
 * asks again for what was not there is answered from memory until asking is due.
 */
export class WaitingRequests {
  readonly #env: TunnelEnvironment;
  readonly #calls: FunctionCalls;
  readonly #pace: WaitingPace;
  readonly #tails: TailWatch | undefined;
  readonly #silences = boundedMap<string, Silence>(SILENCES_MAX);
  readonly #parked = new Set<Waiter>();
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(env: TunnelEnvironment, calls: FunctionCalls, pace: WaitingPace, tails: TailWatch | undefined) {
    this.#env = env;
    this.#calls = calls;
    this.#pace = pace;
    this.#tails = tails;
    env.changes.onChange((changed) => {
      for (const { silence } of this.#parked) {
        if (!concerns(silence!.about, changed)) continue;
        this.#hurry(silence!);
        this.#lookAt(silence!.dueAt);
      }
    });
  }

  /**
   * Resolves with the outcome of a Fetch, JoinGroup or SyncGroup request. A waiting request changes
   * nothing that the client does not ask for again, so it ends at once when the gateway stops.
   */
  send(request: RequestFrame, context: RequestContext): Promise<FrameOutcome> {
    const { apiKey, correlationId } = request.head;
    const fetch = apiKey === ApiKey.Fetch ? readFetchFrame(request) : undefined;
    if (fetch !== undefined && 'problem' in fetch) return Promise.resolve({ kind: 'close', reason: fetch.problem });
    const frame = frameToSend(request, context);
    const since = this.#env.clock.monotonic();
    const key = fetch && JSON.stringify([frame.listener, frame.principal, fetch.key]);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        name: functionOf(apiKey),
        correlationId,
        frame,
        key,
        since,
        endsAt: since + (fetch?.maxWaitMs ?? Number.POSITIVE_INFINITY),
        silence: key === undefined ? undefined : this.#silences.get(key),
        token: undefined,
        isSettled: false,
        settle: (outcome) => {
          waiter.isSettled = true;
          this.#parked.delete(waiter);
          context.signal.removeEventListener('abort', onAbort);
          resolve(outcome);
        },
      };
      const onAbort = () => {
        // Only a drain sets a deadline. A client that has ended its side may still wait for the answer
        // of a call.
        if (Number.isFinite(context.deadline)) waiter.settle({ kind: 'close', reason: 'the gateway stops' });
        else if (this.#parked.has(waiter)) waiter.settle(endOfWait(waiter));
      };
      context.signal.addEventListener('abort', onAbort);
      this.#park(waiter);
    });
  }

  /** Waits with what is known, or asks at once: alone, since the answer may be large. */
  #park(waiter: Waiter): void {
    const { silence, token } = waiter;
    if (waiter.isSettled) return;
    const wasAsked = silence !== undefined || token !== undefined;
    if (waiter.frame.signal.aborted && wasAsked) {
      waiter.settle(endOfWait(waiter));
    } else if (silence === undefined) {
      void this.#ask(waiter.name, [waiter]);
    } else {
      this.#hurry(silence);
      this.#parked.add(waiter);
      this.#lookAt(nextLookAt(waiter));
    }
  }

  /** What has changed through this tunnel since the function was asked makes asking worth it. */
  #hurry(silence: Silence): void {
    const { about, asked, answeredAt, minMs } = silence;
    if (this.#env.changes.haveChanged(about, asked)) silence.dueAt = Math.min(silence.dueAt, answeredAt + minMs);
  }

  #lookAt(at: number): void {
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const { clock } = this.#env;
    const cancel = clock.setTimer(Math.max(0, Math.ceil(at - clock.monotonic())), () => {
      this.#timer = undefined;
      this.#look();
    });
    this.#timer = { at, cancel };
  }

  /** Answers whose time is over, and asks for what is due. */
  #look(): void {
    const now = this.#env.clock.monotonic();
    const due = new Set<string>();
    const isDue = new Set<Waiter>();
    for (const waiter of this.#parked) {
      const silence = waiter.silence!;
      const isOver = endOf(waiter) <= now;
      if (isOver && silence.response !== undefined && silence.dueAt > now) {
        waiter.settle(answeredAs(silence.response, waiter.correlationId));
      } else if (isOver || silence.dueAt <= now) {
        isDue.add(waiter);
        due.add(callOf(waiter));
      }
    }
    for (const call of due) {
      const together = [...this.#parked].filter(
        (waiter) => callOf(waiter) === call && (isDue.has(waiter) || isDueSoon(waiter.silence!, now)),
      );
      for (const waiter of together) this.#parked.delete(waiter);
      void this.#watchOrAsk(together, now);
    }
    let next = Number.POSITIVE_INFINITY;
    for (const waiter of this.#parked) next = Math.min(next, nextLookAt(waiter));
    if (next < Number.POSITIVE_INFINITY) this.#lookAt(next);
  }

  /** Asks the function, unless the journals themselves can be looked at and have no news. */
  async #watchOrAsk(waiters: readonly Waiter[], now: number): Promise<void> {
    const tails = this.#tails;
    const isWatched = ({ silence, endsAt }: Waiter) => {
      const { tails: journals, response, askBy } = silence!;
      const canWait = endsAt > now || response !== undefined;
      return tails !== undefined && journals.length > 0 && canWait && now < askBy;
    };
    const watched = waiters.filter(isWatched);
    const news = tails === undefined ? undefined : await tails.news(watched.flatMap(({ silence }) => silence!.tails));
    const toAsk: Waiter[] = [];
    const laterOn = this.#env.clock.monotonic();
    for (const waiter of waiters) {
      const silence = waiter.silence!;
      if (!isWatched(waiter) || silence.tails.some((tail) => news!.has(tail.journal, tail.seq))) {
        toAsk.push(waiter);
        continue;
      }
      this.#setPace(silence, laterOn, this.#pace.tail);
      this.#park(waiter);
    }
    if (toAsk.length > 0) await this.#ask(toAsk[0]!.name, toAsk);
  }

  /** Sends requests of one listener to a function, in as few calls as they fit into. */
  async #ask(name: FrameFunction, waiters: readonly Waiter[]): Promise<void> {
    const open = waiters.filter(({ isSettled }) => !isSettled);
    await Promise.all(
      inEnvelopes(open, ({ frame }) => frame.frame.length).map(async (some) => {
        const asked = this.#env.changes.moment();
        const frames = some.map((waiter) => frameOf(waiter, asked.at));
        const answers = await this.#calls.carry(name, frames);
        for (const [index, waiter] of some.entries()) this.#settle(waiter, answers[index]!, asked);
      }),
    );
  }

  #settle(waiter: Waiter, answer: EnvelopeAnswer, asked: Moment): void {
    if (waiter.isSettled) return;
    if (answer.kind === 'again') {
      waiter.token = answer.token;
      waiter.silence = this.#silenceOf(waiter, answer, asked);
      this.#park(waiter);
      return;
    }
    if (waiter.key !== undefined) this.#silences.delete(waiter.key);
    waiter.settle(answer.kind === 'answer' ? answered(answer.chunks) : answer);
  }

  /** Undefined if the request is to be sent again at once, alone: its answer did not fit beside others. */
  #silenceOf(
    { name, key }: Waiter,
    { advice, chunks }: EnvelopeAnswer & { readonly kind: 'again' },
    asked: Moment,
  ): Silence | undefined {
    const isFetch = name === 'fetch';
    if (isFetch && advice !== undefined && advice.afterMs === undefined) return undefined;
    const now = this.#env.clock.monotonic();
    const { withinMs = Number.POSITIVE_INFINITY } = advice ?? {};
    const silence: Silence = {
      about: advice?.about ?? [],
      tails: advice?.tails ?? [],
      response: chunks && Buffer.concat(chunks),
      isAdvised: advice !== undefined,
      asked,
      answeredAt: now,
      afterMs: advice?.afterMs ?? 0,
      askBy: Math.min(asked.at + ASKED_EVERY_MS, now + withinMs),
      minMs: 0,
      paceMs: 0,
      dueAt: now,
    };
    if (advice === undefined) silence.dueAt = asked.at + AGAIN_INTERVAL_MS;
    else if (isFetch) this.#setPace(silence, now, this.#tails === undefined ? this.#pace.fetch : this.#pace.tail);
    else {
      silence.paceMs = this.#pace.groupMs;
      silence.dueAt = now + silence.paceMs;
    }
    if (key !== undefined && silence.response !== undefined) this.#silences.set(key, silence);
    return silence;
  }

  #setPace(silence: Silence, now: number, bounds: WaitingPace['fetch']): void {
    const { about, asked, afterMs, askBy } = silence;
    const changedAt = this.#env.changes.lastOf(about)?.at ?? Number.NEGATIVE_INFINITY;
    const isFresh = changedAt > asked.at - STALE_READ_MS;
    const wantedMs = afterMs + (now - asked.at) / AGE_DIVISOR;
    silence.minMs = bounds.minMs;
    silence.paceMs = isFresh ? bounds.minMs : boundedMs(Math.min(wantedMs, askBy - now), bounds);
    silence.dueAt = now + silence.paceMs;
  }
}

/** As that of the engine's own tail (lib/journal/tail.ts), which the function divides by. */
const AGE_DIVISOR = 20;

/** For a client that has ended its side: what would end the wait of a fetch, which it may still read. */
function endOfWait({ silence, correlationId }: Waiter): FrameOutcome {
  const response = silence?.response;
  if (response !== undefined) return answeredAs(response, correlationId);
  return { kind: 'close', reason: 'the client no longer waits for the answer' };
}

function frameOf({ frame, key, since, silence, token }: Waiter, now: number): FrameToSend {
  if (silence === undefined) return frame;
  // A token resumes a join, whatever came of the call before.
  if (key === undefined || !silence.isAdvised) return { ...frame, token, isRepeatable: true };
  // That of a fetch is the time that it has waited. With a response at hand, the gateway ends the wait.
  return { ...frame, token: silence.response === undefined ? String(Math.floor(now - since)) : '0' };
}

/** What waiters have in common that can be in one call. */
function callOf({ name, frame }: Waiter): string {
  return `${name} ${frame.listener}`;
}

/** Asking now instead saves a call of its own, and brings the paces of several waiters together. */
function isDueSoon({ dueAt, paceMs }: Silence, now: number): boolean {
  return dueAt - now <= paceMs / 2;
}

/** When the wait has to be ended; never if that was tried, and the function only said `again`. */
function endOf({ silence, endsAt }: Waiter): number {
  const { response, asked } = silence!;
  return response === undefined && asked.at >= endsAt ? Number.POSITIVE_INFINITY : endsAt;
}

function nextLookAt(waiter: Waiter): number {
  return Math.min(waiter.silence!.dueAt, endOf(waiter));
}

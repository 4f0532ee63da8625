import { sleep } from '../../core/clock.ts';
import type { RequestContext } from '../../core/context.ts';
import type { IsolationLevel } from '../../log/read-partitions.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { isRefusal, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure, RestCode, storeUnavailable } from '../errors.ts';
import { eventText, type StreamFormat } from './event.ts';
import { eventsOf, type FoundRecords } from './events-of.ts';
import type { Following } from './following.ts';
import { listed } from './start.ts';

export interface FollowTerms {
  readonly context: RequestContext;
  readonly isolation: IsolationLevel;
  readonly format: StreamFormat;
  readonly answersWhole: boolean;
}

/** How soon a client that lost the connection comes back; ms. */
const RECONNECT_MS = 1_000;

/** A client that hears nothing for so long hears that the connection is alive; ms. */
export const QUIET_MS_MAX = 15_000;

/** Until a read is tried again that failed; ms. */
const RETRY_MS = 1_000;

/** The stream ends so long before the deadline of its request, so that its last events arrive; ms. */
export const END_BEFORE_MS = 500;

/**
 * What one read takes at most; bytes. A stream holds the batches of one read and one piece of text, however slow
 * its client is: the next piece is made when this one has been taken.
 */
const READ_BYTES_MAX = 256 * 1024;

/**
 * The text of a stream of server-sent events, piece by piece (HTML standard, 9.2). It ends before the
 * deadline of the request, when the client is gone, after an event `failure`, and after the first
 * records where an answer goes out as a whole. Where it ends it
 * can be continued with the id of the last event.
 */
export async function* follow(rest: RestEnvironment, following: Following, terms: FollowTerms): AsyncGenerator<string> {
  const { clock, logger, turns } = rest;
  const { context } = terms;
  const { signal } = context;
  const endAt = context.deadline - END_BEFORE_MS;
  // Also without an event the client learns where it is: it may lose the connection before the first one.
  let told = following.place();
  let toldAt = clock.monotonic();
  yield `retry: ${RECONNECT_MS}\n${placeEvent(told)}`;
  for (let round = 0; !signal.aborted && clock.monotonic() < endAt; round++) {
    const looked = await look(rest, following, terms, round, endAt);
    if (isRefusal(looked)) {
      if (!isPassing(looked)) {
        yield failureEvent(following, looked);
        break;
      }
      await sleep(clock, Math.min(RETRY_MS, endAt - clock.monotonic()), signal);
    } else {
      let hasEvents = false;
      try {
        for (const piece of eventsOf(following, looked, terms)) {
          yield piece.text;
          hasEvents = true;
          told = piece.lastId;
          toldAt = clock.monotonic();
          await turns.turn();
          if (signal.aborted) return;
        }
      } catch (error) {
        if (!(error instanceof CorruptRecordError)) throw error;
        logger.log('error', { event: 'batch_unreadable', place: following.place(), message: error.message });
        yield failureEvent(following, kafkaFailure({ error: 'CORRUPT_MESSAGE', message: error.message }));
        break;
      }
      // The client gets them when the answer ends, and comes back for more.
      if (hasEvents && terms.answersWhole) break;
    }
    const place = following.place();
    if (place === told && clock.monotonic() - toldAt < QUIET_MS_MAX) continue;
    // Offsets without a record that is shown move the place too, such as those of markers.
    yield `: alive\n${placeEvent(place)}`;
    told = place;
    toldAt = clock.monotonic();
  }
  if (!signal.aborted) await following.end();
}

/** Says where the stream is. Browsers give such an event to scripts that ask for it by name only. */
function placeEvent(id: string): string {
  return eventText(id, '{}', 'place');
}

function failureEvent(following: Following, { errorCode, message }: Refusal): string {
  return eventText(following.place(), JSON.stringify({ error_code: errorCode, message }), 'failure');
}

/** A failure that does not last: the stream goes on where it is. */
function isPassing({ errorCode }: Refusal): boolean {
  return errorCode === RestCode.KAFKA_RETRIABLE || errorCode === RestCode.BROKER_NOT_AVAILABLE;
}

/** One read of all partitions; waits for records. */
async function look(
  rest: RestEnvironment,
  following: Following,
  terms: FollowTerms,
  round: number,
  endAt: number,
): Promise<readonly FoundRecords[] | Refusal> {
  const { clock, log, admin } = rest;
  const { context, isolation } = terms;
  const { topic, positions } = following;
  try {
    const problem = await following.refresh();
    if (problem !== undefined) return problem;
    if ((await admin.topics.getById(topic.id)) === undefined)
      return kafkaFailure({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    const maxWaitMs = Math.max(0, Math.min(following.waitMs, QUIET_MS_MAX, endAt - clock.monotonic()));
    if (positions.size === 0) {
      await sleep(clock, maxWaitMs, context.signal);
      return [];
    }
    // The first partition is filled first: each is the first one in turn.
    const all = [...positions];
    const turned = [...all.slice(round % all.length), ...all.slice(0, round % all.length)];
    const asked = turned.map(([partition, offset]) => {
      return { topic: { id: topic.id }, partition, offset, maxBytes: READ_BYTES_MAX, currentLeaderEpoch: -1 };
    });
    const result = await log.fetch(context, asked, {
      isolation,
      minBytes: 1,
      maxWaitMs,
      waitedMs: 0,
      maxBytes: READ_BYTES_MAX,
    });
    const found: FoundRecords[] = [];
    let failure: Refusal | undefined;
    for (const [at, outcome] of result.outcomes.entries()) {
      const [partition, offset] = turned[at]!;
      const error = outcome.kind === 'read' ? outcome.fetched.error : outcome.error;
      if (outcome.kind === 'read' && error === 'NONE') found.push({ partition, ...outcome.fetched });
      else if (error === 'OFFSET_OUT_OF_RANGE') {
        const moved = await moveIntoRange(rest, following, terms, partition, offset);
        if (isRefusal(moved)) failure ??= moved;
        else found.push(moved);
      } else failure ??= kafkaFailure({ error });
    }
    return found.some(({ batches, gap }) => batches.length > 0 || gap !== undefined) ? found : (failure ?? found);
  } catch (error) {
    if (error instanceof StoreUnavailableError) return storeUnavailable();
    throw error;
  }
}

/** Retention may have deleted what the stream had not read yet. */
async function moveIntoRange(
  rest: RestEnvironment,
  { topic }: Following,
  { context, isolation }: FollowTerms,
  partition: number,
  offset: number,
): Promise<FoundRecords | Refusal> {
  const earliest = await listed(rest, context, topic, [partition], 'earliest', isolation);
  if (isRefusal(earliest)) return earliest;
  const [first] = earliest;
  // Past the end: no log has ever had that offset.
  if (first! <= offset) return kafkaFailure({ error: 'OFFSET_OUT_OF_RANGE' });
  return { partition, batches: [], aborted: undefined, gap: { from: offset, to: first! } };
}

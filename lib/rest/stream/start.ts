import type { RequestContext } from '../../core/context.ts';
import { NO_OFFSET, type Offset } from '../../core/offset.ts';
import type { OffsetPosition } from '../../log/list-offsets.ts';
import type { IsolationLevel } from '../../log/read-partitions.ts';
import { isRefusal, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { badRequest, kafkaFailure } from '../errors.ts';
import { instantIn } from '../timestamp.ts';

/** Where a stream begins in each of its partitions. */
export type StreamStart =
  | { readonly kind: 'earliest' }
  /** At the end, or so many offsets before it. */
  | { readonly kind: 'latest'; readonly before: number }
  /** At the first record of this time or later; ms. */
  | { readonly kind: 'timestamp'; readonly timestamp: number }
  /** At these offsets; the stream has these partitions. */
  | { readonly kind: 'offsets'; readonly offsets: ReadonlyMap<number, Offset> };

const LATEST = /^latest(?:-(\d{1,15}))?$/;
const OFFSETS = /^\d{1,7}:\d{1,16}(?:,\d{1,7}:\d{1,16})*$/;
/** Ms since the Unix epoch, from 1973 on: a smaller number is an offset without a partition. */
const TIMESTAMP = /^\d{12,15}$/;

/** Reads `from`: `earliest`, `latest`, `latest-20`, `0:15,1:7`, a time in ISO 8601 or in ms. */
export function readStart(text: string): StreamStart | Refusal {
  if (text === 'earliest') return { kind: 'earliest' };
  const latest = LATEST.exec(text);
  if (latest !== null) return { kind: 'latest', before: Number(latest[1] ?? 0) };
  const timestamp = TIMESTAMP.test(text) ? Number(text) : instantIn(text);
  if (timestamp !== undefined) return { kind: 'timestamp', timestamp };
  const offsets = OFFSETS.test(text) ? new Map(text.split(',').map(pairIn)) : undefined;
  if (offsets !== undefined && [...offsets.values()].every(Number.isSafeInteger)) return { kind: 'offsets', offsets };
  return badRequest(
    'from: expected earliest, latest, latest-COUNT, PARTITION:OFFSET,..., or a time in ISO 8601 or in ms',
  );
}

function pairIn(text: string): [partition: number, offset: Offset] {
  const [partition, offset] = text.split(':').map(Number);
  return [partition!, offset!];
}

/** Reads `partition`: numbers with commas between them. */
export function readPartitionFilter(text: string): readonly number[] | Refusal {
  if (!/^\d{1,7}(?:,\d{1,7})*$/.test(text)) return badRequest('partition: expected numbers with commas between them');
  return [...new Set(text.split(',').map(Number))];
}

/** The partition of a topic, which is known by its id. */
export interface StreamTopic {
  readonly name: string;
  readonly id: string;
}

/** The offsets at which a stream begins. Throws StoreUnavailableError. */
export async function startPositions(
  rest: RestEnvironment,
  context: RequestContext,
  topic: StreamTopic,
  partitions: readonly number[],
  start: StreamStart,
  isolation: IsolationLevel,
): Promise<Map<number, Offset> | Refusal> {
  const list = (position: OffsetPosition) => listed(rest, context, topic, partitions, position, isolation);
  const asMap = (offsetAt: (at: number) => Offset) =>
    new Map(partitions.map((partition, at) => [partition, offsetAt(at)]));
  if (start.kind === 'earliest') {
    const earliest = await list('earliest');
    return isRefusal(earliest) ? earliest : asMap((at) => earliest[at]!);
  }
  const latest = await list('latest');
  if (isRefusal(latest)) return latest;
  switch (start.kind) {
    case 'latest': {
      if (start.before === 0) return asMap((at) => latest[at]!);
      const earliest = await list('earliest');
      return isRefusal(earliest) ? earliest : asMap((at) => Math.max(earliest[at]!, latest[at]! - start.before));
    }
    case 'timestamp': {
      const found = await list(start.timestamp);
      if (isRefusal(found)) return found;
      return asMap((at) => (found[at] === NO_OFFSET ? latest[at]! : found[at]!));
    }
    case 'offsets': {
      const past = partitions.findIndex((partition, at) => start.offsets.get(partition)! > latest[at]!);
      if (past < 0) return new Map(start.offsets);
      const partition = partitions[past]!;
      return badRequest(
        `from: partition ${partition} ends at offset ${latest[past]}, before ${start.offsets.get(partition)}`,
      );
    }
  }
}

/** One offset of each partition. */
export async function listed(
  { log }: RestEnvironment,
  context: RequestContext,
  topic: StreamTopic,
  partitions: readonly number[],
  position: OffsetPosition,
  isolation: IsolationLevel,
): Promise<readonly Offset[] | Refusal> {
  const asked = partitions.map((partition) => {
    return { topic: { id: topic.id }, partition, position, currentLeaderEpoch: -1 };
  });
  const found = await log.listOffsets(context, asked, isolation);
  const failed = found.find(({ error }) => error !== 'NONE');
  return failed === undefined ? found.map(({ offset }) => offset) : kafkaFailure(failed);
}

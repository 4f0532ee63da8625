import type { RequestContext } from '../core/context.ts';
import type { Offset } from '../core/offset.ts';
import type { Refusal } from './answer.ts';
import type { RestEnvironment } from './environment.ts';
import { kafkaFailure } from './errors.ts';

const NO_EPOCH = -1;

/** The first offset of a partition, and the one after its last committed record. */
export async function partitionBounds(
  { log }: RestEnvironment,
  context: RequestContext,
  name: string,
  partition: number,
): Promise<{ readonly earliest: Offset; readonly latest: Offset } | Refusal> {
  const asked = (['earliest', 'latest'] as const).map((position) => ({
    topic: { name },
    partition,
    position,
    currentLeaderEpoch: NO_EPOCH,
  }));
  const [earliest, latest] = await log.listOffsets(context, asked, 'read_committed');
  const failed = [earliest!, latest!].find(({ error }) => error !== 'NONE');
  return failed === undefined ? { earliest: earliest!.offset, latest: latest!.offset } : kafkaFailure(failed);
}

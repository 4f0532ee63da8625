import { type Random, randomInt } from '../../lib/core/random.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import type { Sent } from './ledger.ts';
import type { World } from './world.ts';

export interface BatchPlan extends Omit<Sent, 'bytes' | 'sends'> {
  /** Mean size of the values; the first record carries the batch's id. */
  readonly valueBytes: number;
  /** Null keys where left out. */
  readonly keys?: KeysPlan | undefined;
}

/** The keys of a producer's records, as compacted topics need them. */
export interface KeysPlan {
  /** So many different ones. */
  readonly count: number;
  /** Share of the records without a value. */
  readonly tombstones: number;
}

/** Makes a batch whose content is unlike that of any other, and makes it known to the ledger. */
export function makeBatch(world: World, random: Random, plan: BatchPlan): Sent {
  const { valueBytes, keys, ...rest } = plan;
  for (let salt = 0; ; salt++) {
    const size = randomInt(random, Math.ceil(valueBytes / 2), valueBytes * 2);
    const timestamp = Math.floor(world.clock.now());
    const records = Array.from({ length: plan.records }, (_, index) => ({
      timestamp,
      key: keys === undefined ? null : Buffer.from(`k${randomInt(random, 0, keys.count)}`),
      value:
        keys !== undefined && random.next() < keys.tombstones
          ? null
          : Buffer.from(index === 0 ? `${plan.id}#${salt}`.padEnd(size, '.') : `${index}`),
    }));
    const bytes = encodeBatch(records, {
      ...(plan.producerId < 0
        ? {}
        : {
            producerId: plan.producerId,
            producerEpoch: plan.producerEpoch,
            baseSequence: plan.baseSequence,
            isTransactional: plan.kind === 'transactional',
          }),
    });
    const sent: Sent = { ...rest, bytes, sends: 0 };
    if (world.ledger.expect(sent)) return sent;
  }
}

import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import { randomUuid, type Uuid } from '../core/uuid.ts';
import { changeItem } from '../kit/change-item.ts';
import { CLUSTER_PK, CLUSTER_SK, decodeCluster, encodeCluster } from '../storage/items/cluster.ts';
import type { ItemStore } from '../storage/ports.ts';

/**
 * The deployment's cluster id. The first process to start creates it. Throws StoreUnavailableError.
 */
export async function clusterId(state: ItemStore, clock: Clock, random: Random): Promise<Uuid> {
  const key = { pk: CLUSTER_PK, sk: CLUSTER_SK };
  const changed = await changeItem({ state, clock, random }, key, (item) =>
    item === undefined
      ? { kind: 'put', version: 1, body: encodeCluster(randomUuid(random)) }
      : { kind: 'keep', result: item.body },
  );
  return decodeCluster(changed.kind === 'kept' ? changed.result : changed.item.body);
}

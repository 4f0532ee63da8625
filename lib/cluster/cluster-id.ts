import type { Clock } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import { randomUuid, type Uuid } from '../core/uuid.ts';
import { CLUSTER_PK, CLUSTER_SK, decodeCluster, encodeCluster } from '../storage/items/cluster.ts';
import { type ItemStore, StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';

/** The deployment's cluster id, made by whoever starts first. Throws StoreUnavailableError. */
export async function clusterId(state: ItemStore, clock: Clock, random: Random): Promise<Uuid> {
  const { item } = await state.get(CLUSTER_PK, CLUSTER_SK, true);
  if (item !== undefined) return decodeCluster(item.body);
  const id = randomUuid(random);
  const made = { pk: CLUSTER_PK, sk: CLUSTER_SK, version: 1, nonce: newNonce(random), body: encodeCluster(id) };
  const put = await putItem(state, made, { kind: 'absent' }, clock, random);
  if (put.kind === 'committed') return id;
  if (put.kind === 'conflict' && put.existing !== undefined) return decodeCluster(put.existing.body);
  throw new StoreUnavailableError('the cluster id could not be stored');
}

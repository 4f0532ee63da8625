import * as v from 'valibot';
import { CLUSTER_PK, CLUSTER_SK } from '../storage/items/cluster.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { ok } from './answer.ts';
import { JSON_TYPE } from './media-type.ts';
import { defineRoute } from './route.ts';

/** GET /healthz: whether the store answers. One read. */
export const health = defineRoute({
  method: 'GET',
  path: '/healthz',
  summary: 'Whether requests can be served',
  tag: 'Tidelog',
  consumes: [],
  produces: [JSON_TYPE],
  success: { status: 200, schema: v.object({ status: v.picklist(['ok', 'unavailable']) }) },
  accesses: () => [],
  async handle(rest) {
    try {
      await rest.state.get(CLUSTER_PK, CLUSTER_SK, true);
      return ok({ status: 'ok' });
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return { kind: 'answer', status: 503, body: { status: 'unavailable', reason: error.message } };
    }
  },
});

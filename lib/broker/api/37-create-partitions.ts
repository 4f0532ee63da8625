import { createPartitions as addPartitions } from '../../admin/create-partitions.ts';
import { errorCode, type Failure } from '../../core/errors.ts';
import type { ApiKey } from '../../protocol/apis.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { topicResource } from '../authorize.ts';
import type { Handler } from '../broker.ts';

/** CreatePartitions, versions 0 to 3: more partitions for a topic, never fewer. */
export const createPartitions: Handler<typeof ApiKey.CreatePartitions> = async (broker, request, _version, context) => {
  const seen = new Set<string>();
  const doubled = new Set(request.topics.map(({ name }) => name).filter((name) => seen.size === seen.add(name).size));
  const results = [];
  for (const name of seen) {
    const { count, assignments } = request.topics.find((topic) => topic.name === name)!;
    let failure: Failure | undefined;
    if (doubled.has(name)) {
      failure = { error: 'INVALID_REQUEST', message: `Topic '${name}' is in the request twice.` };
    } else if (!broker.authorize(context, 'ALTER', topicResource(name))) {
      failure = { error: 'TOPIC_AUTHORIZATION_FAILED' };
    } else {
      const wanted = { name, count, assignments: assignments?.map((one) => ({ brokers: one.brokerIds })) ?? null };
      try {
        failure = await addPartitions(broker.admin, wanted, request.validateOnly);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        failure = { error: 'REQUEST_TIMED_OUT', message: error.message };
      }
    }
    results.push({
      name,
      errorCode: failure === undefined ? 0 : errorCode(failure.error),
      errorMessage: failure?.message ?? null,
    });
  }
  return { results };
};

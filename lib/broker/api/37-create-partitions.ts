import { topicAccesses, topicResource } from '../../auth/authorize.ts';
import { errorCode, type Failure } from '../../core/errors.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { createPartitions as addPartitions } from '../../topics/create-partitions.ts';
import { CreatePartitions } from '../../wire/messages/37-create-partitions.ts';
import { defineApi } from '../define-api.ts';
import { eachInTime } from '../each-in-time.ts';

/** CreatePartitions, versions 0 to 3: adds partitions to topics, never removes any. */
export const createPartitions = defineApi(CreatePartitions, async (broker, request, _version, context) => {
  const seen = new Set<string>();
  const doubled = new Set(request.topics.map(({ name }) => name).filter((name) => seen.size === seen.add(name).size));
  const byName = new Map(request.topics.map((topic) => [topic.name, topic]));
  const decisions = await broker.authorize(context, topicAccesses('ALTER', seen));
  const add = async (name: string): Promise<Failure | undefined> => {
    const { count, assignments } = byName.get(name)!;
    if (doubled.has(name)) return { error: 'INVALID_REQUEST', message: `Topic '${name}' is in the request twice.` };
    if (!decisions.allows('ALTER', topicResource(name))) return { error: 'TOPIC_AUTHORIZATION_FAILED' };
    const wanted = { name, count, assignments: assignments?.map((one) => ({ brokers: one.brokerIds })) ?? null };
    try {
      return await addPartitions(broker.admin, wanted, request.validateOnly);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return { error: 'REQUEST_TIMED_OUT', message: error.message };
    }
  };
  const late = (): Failure => ({ error: 'REQUEST_TIMED_OUT' });
  const names = [...seen];
  const failures = await eachInTime(broker, request.timeoutMs, names, add, late);
  const results = names.map((name, at) => {
    const failure = failures[at];
    return {
      name,
      errorCode: failure === undefined ? 0 : errorCode(failure.error),
      errorMessage: failure?.message ?? null,
    };
  });
  return { results };
});

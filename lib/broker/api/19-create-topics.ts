import { createTopic } from '../../admin/create-topic.ts';
import { errorCode, type Failure } from '../../core/errors.ts';
import { ZERO_UUID } from '../../core/uuid.ts';
import type { ApiKey, RequestBody } from '../../protocol/apis.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { CLUSTER, topicResource } from '../authorize.ts';
import type { Handler } from '../broker.ts';

type Wanted = RequestBody<typeof ApiKey.CreateTopics>['topics'][number];

/** DescribeConfigs' source of a config that was set for the topic (ConfigSource.TOPIC_CONFIG). */
const TOPIC_CONFIG = 1;

/** CreateTopics, versions 2 to 7. A topic can be used as soon as the answer is there. */
export const createTopics: Handler<typeof ApiKey.CreateTopics> = async (broker, request, _version, context) => {
  const names = request.topics.map((topic) => topic.name);
  const seen = new Set<string>();
  const doubled = new Set(names.filter((name) => seen.size === seen.add(name).size));
  const topics = [];
  for (const name of seen) {
    const wanted = request.topics.find((topic) => topic.name === name)!;
    if (doubled.has(name)) {
      topics.push(refused(name, { error: 'INVALID_REQUEST', message: `Topic '${name}' is in the request twice.` }));
    } else if (
      !broker.authorize(context, 'CREATE', CLUSTER) &&
      !broker.authorize(context, 'CREATE', topicResource(name))
    ) {
      topics.push(refused(name, { error: 'TOPIC_AUTHORIZATION_FAILED' }));
    } else {
      topics.push(await create(broker, wanted, request.validateOnly));
    }
  }
  return { topics };
};

async function create(broker: Parameters<typeof createTopics>[0], wanted: Wanted, validateOnly: boolean) {
  try {
    const outcome = await createTopic(
      broker.admin,
      {
        name: wanted.name,
        partitions: wanted.numPartitions,
        replicationFactor: wanted.replicationFactor,
        assignments: wanted.assignments.map((one) => ({ partition: one.partitionIndex, brokers: one.brokerIds })),
        configs: wanted.configs,
      },
      validateOnly,
    );
    if (outcome.kind === 'rejected') return refused(wanted.name, outcome);
    const { partitions, replicationFactor } = outcome.kind === 'created' ? outcome.topic.record : outcome;
    return {
      name: wanted.name,
      topicId: outcome.kind === 'created' ? outcome.topic.record.id : ZERO_UUID,
      errorCode: 0,
      errorMessage: null,
      numPartitions: partitions,
      replicationFactor,
      configs: wanted.configs.map(({ name, value }) => ({
        name,
        value,
        readOnly: false,
        configSource: TOPIC_CONFIG,
        isSensitive: false,
      })),
    };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return refused(wanted.name, { error: 'REQUEST_TIMED_OUT', message: error.message });
  }
}

function refused(name: string, failure: Failure) {
  return {
    name,
    topicId: ZERO_UUID,
    errorCode: errorCode(failure.error),
    errorMessage: failure.message ?? null,
    configs: [],
  };
}

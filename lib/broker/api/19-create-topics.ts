import { CLUSTER, topicAccesses, topicResource } from '../../auth/authorize.ts';
import { errorCode, type Failure } from '../../core/errors.ts';
import { randomUuid, ZERO_UUID } from '../../core/uuid.ts';
import type { TopicRecord } from '../../storage/items/topic.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { describeTopicConfigs, describeTopicDefaults } from '../../topics/configs/describe-topic-configs.ts';
import type { DescribedConfig } from '../../topics/configs/described-config.ts';
import { createTopic } from '../../topics/create-topic.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { CreateTopics } from '../../wire/messages/19-create-topics.ts';
import type { Broker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { configFields } from '../described-configs.ts';
import { eachInTime } from '../each-in-time.ts';

type Wanted = RequestBody<typeof ApiKey.CreateTopics>['topics'][number];

/** From this version on, the answer describes the created topic (KIP-525). */
const DESCRIBED_MIN = 5;

/**
 * CreateTopics, versions 2 to 7. A topic is usable once it is answered. Topics not started in time
 * are not created.
 */
export const createTopics = defineApi(CreateTopics, async (broker, request, version, context) => {
  const names = request.topics.map((topic) => topic.name);
  const byName = new Map(request.topics.map((topic) => [topic.name, topic]));
  const seen = new Set<string>();
  const doubled = new Set(names.filter((name) => seen.size === seen.add(name).size));
  let topicDefaults: readonly DescribedConfig[] | undefined;
  const defaults = () => {
    topicDefaults ??= describeTopicDefaults(broker.admin.brokerConfigs);
    return topicDefaults;
  };
  const decisions = await broker.authorize(context, [
    { operation: 'CREATE', resource: CLUSTER },
    ...topicAccesses('CREATE', seen),
    ...(version < DESCRIBED_MIN ? [] : topicAccesses('DESCRIBE_CONFIGS', seen)),
  ]);
  const answer = async (name: string) => {
    const wanted = byName.get(name)!;
    if (doubled.has(name)) {
      return refused(name, { error: 'INVALID_REQUEST', message: `Topic '${name}' is in the request twice.` });
    }
    const topic = topicResource(name);
    if (!decisions.allows('CREATE', CLUSTER) && !decisions.allows('CREATE', topic)) {
      return refused(name, { error: 'TOPIC_AUTHORIZATION_FAILED', message: 'Authorization failed.' });
    }
    const described = () => {
      if (version < DESCRIBED_MIN) return NOT_DESCRIBED;
      return decisions.allows('DESCRIBE_CONFIGS', topic) ? defaults() : FORBIDDEN;
    };
    return create(broker, wanted, request.validateOnly, described());
  };
  const late = (name: string) => refused(name, { error: 'REQUEST_TIMED_OUT' });
  const topics = await eachInTime(broker, request.timeoutMs, [...seen], answer, late);
  return { topics };
});

/** Used in place of the default configs when the answer omits a new topic's configs. */
const NOT_DESCRIBED = Symbol('the version has no configs');
const FORBIDDEN = Symbol('the configs may not be seen');

type Defaults = readonly DescribedConfig[] | typeof NOT_DESCRIBED | typeof FORBIDDEN;

async function create(broker: Broker, wanted: Wanted, validateOnly: boolean, defaults: Defaults) {
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
    const topic = outcome.kind === 'created' ? outcome.topic.record : outcome;
    return {
      name: wanted.name,
      topicId: outcome.kind === 'created' ? outcome.topic.record.id : randomUuid(broker.admin.journals.env.random),
      errorCode: 0,
      errorMessage: null,
      ...description(topic, wanted, defaults),
    };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return refused(wanted.name, { error: 'REQUEST_TIMED_OUT', message: error.message });
  }
}

function description(
  topic: Pick<TopicRecord, 'partitions' | 'replicationFactor' | 'journals' | 'configs'>,
  { configs }: Wanted,
  defaults: Defaults,
) {
  if (defaults === NOT_DESCRIBED) return { configs: [] };
  if (defaults === FORBIDDEN) return { configs: [], topicConfigErrorCode: errorCode('TOPIC_AUTHORIZATION_FAILED') };
  const asked = new Map(configs.map(({ name, value }) => [name, value]));
  return {
    numPartitions: topic.partitions,
    replicationFactor: topic.replicationFactor,
    configs: describeTopicConfigs(topic, defaults).map((config) => {
      // Kafka repeats the value as requested. DescribeConfigs returns the parsed one.
      const given = asked.get(config.name);
      return configFields(given == null || config.readOnly ? config : { ...config, value: given });
    }),
  };
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

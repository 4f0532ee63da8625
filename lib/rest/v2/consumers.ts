import * as v from 'valibot';
import { groupResource } from '../../auth/authorize.ts';
import { randomUuid } from '../../core/uuid.ts';
import { isGroupId } from '../../storage/items/group-keys.ts';
import type { RestConsumer } from '../../storage/items/rest-consumer.ts';
import { type Answer, isRefusal, NO_CONTENT, ok, type Refusal, refused } from '../answer.ts';
import { createInstance, removeInstance } from '../consumers/instances.ts';
import { leaveGroup, takePart } from '../consumers/membership.ts';
import { commitPositions, withPositions } from '../consumers/positions.ts';
import { readRecords } from '../consumers/read.ts';
import type { RestEnvironment } from '../environment.ts';
import { illegalState, kafkaFailure, RestCode, unprocessable } from '../errors.ts';
import { EMBEDDED_FORMATS, embeddedFormatOf } from '../media-type.ts';
import { defineRoute, type RestRequest } from '../route.ts';
import { CONSUMER_TYPES, consumerAccesses, defineInstanceRoute, type InstanceOutcome } from './instance-route.ts';

/** Confluent's `consumer.request.timeout.ms`; ms. */
const REQUEST_TIMEOUT_MS = 1_000;

/** The longest wait that an instance may ask for; ms. */
const REQUEST_TIMEOUT_MS_MAX = 300_000;

/** As Confluent's PROXY_FETCH_MIN_BYTES_VALIDATOR; -1 for its own default. */
const FETCH_MIN_BYTES_MAX = 10_000_000;

const NAME_CHARS_MAX = 249;

const createBody = v.nullish(
  v.object({
    id: v.nullish(v.string()),
    name: v.nullish(v.string()),
    format: v.nullish(v.string()),
    'auto.offset.reset': v.nullish(v.string()),
    'auto.commit.enable': v.nullish(v.union([v.string(), v.boolean()])),
    'fetch.min.bytes': v.nullish(v.pipe(v.number(), v.integer())),
    'consumer.request.timeout.ms': v.nullish(v.pipe(v.number(), v.integer())),
  }),
);

const create = defineRoute({
  ...CONSUMER_TYPES,
  method: 'POST',
  path: '/consumers/{group_name}',
  summary: 'Create a consumer instance',
  tag: 'Consumers (v2)',
  body: { kind: 'json', schema: createBody, isOptional: true },
  success: { status: 200, schema: v.object({ instance_id: v.string(), base_uri: v.string() }) },
  accesses: ({ parameters }) => consumerAccesses(parameters.group_name),
  async handle(rest, { parameters, body, decisions, links }) {
    const group = parameters.group_name;
    if (!decisions.allows('READ', groupResource(group))) return kafkaFailure({ error: 'GROUP_AUTHORIZATION_FAILED' });
    if (!isGroupId(group)) return kafkaFailure({ error: 'INVALID_GROUP_ID' });
    const instance = newInstance(rest, group, body ?? {});
    if (isRefusal(instance)) return instance;
    const problem = await createInstance(rest, instance);
    if (problem !== undefined) return problem;
    const { name } = instance;
    return ok({ instance_id: name, base_uri: links.url('consumers', group, 'instances', name) });
  },
});

function newInstance(
  { random }: RestEnvironment,
  group: string,
  config: NonNullable<v.InferOutput<typeof createBody>>,
): RestConsumer | Refusal {
  const format = (config.format ?? 'binary').toLowerCase();
  if (!EMBEDDED_FORMATS.some((known) => known === format)) return unprocessable('Invalid format type.');
  if (format !== 'binary' && format !== 'json') {
    return refused(
      422,
      RestCode.INVALID_CONSUMER_CONFIG,
      `Invalid consumer configuration: the format ${format} needs a Schema Registry`,
    );
  }
  const autoOffsetReset = config['auto.offset.reset'] ?? 'latest';
  if (autoOffsetReset !== 'earliest' && autoOffsetReset !== 'latest' && autoOffsetReset !== 'none') {
    return constraint(`auto.offset.reset: ${autoOffsetReset} is none of earliest, latest, none`);
  }
  const autoCommit = String(config['auto.commit.enable'] ?? 'true').toLowerCase();
  if (autoCommit !== 'true' && autoCommit !== 'false') return constraint('auto.commit.enable: expected true or false');
  const fetchMinBytes = config['fetch.min.bytes'] ?? -1;
  if (fetchMinBytes < -1 || fetchMinBytes > FETCH_MIN_BYTES_MAX) {
    return constraint(`fetch.min.bytes: ${fetchMinBytes} is not -1, or from 0 to ${FETCH_MIN_BYTES_MAX}`);
  }
  const requestTimeoutMs = config['consumer.request.timeout.ms'] ?? REQUEST_TIMEOUT_MS;
  if (requestTimeoutMs < 0 || requestTimeoutMs > REQUEST_TIMEOUT_MS_MAX) {
    return constraint(`consumer.request.timeout.ms: ${requestTimeoutMs} is not from 0 to ${REQUEST_TIMEOUT_MS_MAX}`);
  }
  const name = config.id ?? config.name ?? `rest-consumer-${randomUuid(random)}`;
  if (name === '' || name.length > NAME_CHARS_MAX)
    return constraint(`name: has no or more than ${NAME_CHARS_MAX} characters`);
  return {
    group,
    name,
    format,
    autoOffsetReset,
    autoCommit: autoCommit === 'true',
    fetchMinBytes,
    requestTimeoutMs,
    selection: { kind: 'nothing' },
    memberId: randomUuid(random),
    memberEpoch: 0,
    owned: [],
    positions: [],
    usedAt: 0,
  };
}

function constraint(message: string): Refusal {
  const text = `Invalid consumer configuration. It does not abide by the constraints: ${message}`;
  return refused(422, RestCode.INVALID_CONSUMER_CONFIG_CONSTRAINT, text);
}

/** DELETE: commits what was read, if the instance does so by itself, and leaves the group. */
const remove = defineInstanceRoute({
  method: 'DELETE',
  path: '',
  summary: 'Delete a consumer instance',
  success: { status: 204 },
  async handle(rest, { context }, loaded) {
    const { instance } = loaded;
    // If the member is gone, its offsets are no longer its to commit.
    if (instance.autoCommit) await commitPositions(rest, instance, context);
    const problem = (await leaveGroup(rest, instance, context)) ?? (await removeInstance(rest, loaded));
    return problem ?? { answer: NO_CONTENT };
  },
});

/**
 * GET records: from the positions of the instance on. With `auto.commit.enable`, what earlier requests
 * gave is committed first. Answers as soon as there is a record.
 */
const read = defineInstanceRoute({
  method: 'GET',
  path: '/records',
  summary: 'Read records',
  query: v.object({
    timeout: v.optional(v.pipe(v.string(), v.regex(/^-?\d{1,10}$/))),
    max_bytes: v.optional(v.pipe(v.string(), v.regex(/^-?\d{1,15}$/))),
  }),
  success: {
    status: 200,
    schema: v.array(
      v.object({
        topic: v.string(),
        key: v.unknown(),
        value: v.unknown(),
        partition: v.number(),
        offset: v.number(),
      }),
    ),
  },
  async handle(rest, request, { instance }): Promise<InstanceOutcome | Refusal> {
    const asked = embeddedFormatOf(request.answerType);
    if (asked !== undefined && asked !== instance.format) return FORMAT_MISMATCH;
    if (instance.selection.kind === 'nothing') {
      return illegalState('Consumer is not subscribed to any topics or assigned any partitions');
    }
    const ready = await prepare(rest, request, instance);
    if (isRefusal(ready)) return ready;
    const committed = ready.autoCommit ? await commitPositions(rest, ready, request.context) : ready;
    if (isRefusal(committed)) return committed;
    const { timeout, max_bytes: maxBytes } = request.query;
    const wanted = Number(timeout ?? -1);
    const most = Math.floor(rest.settings.answerBytesMax / 2);
    const terms = {
      timeoutMs: wanted <= 0 ? instance.requestTimeoutMs : Math.min(wanted, instance.requestTimeoutMs),
      maxBytes: Number(maxBytes ?? -1) <= 0 ? most : Math.min(Number(maxBytes), most),
    };
    const records = await readRecords(rest, committed, terms, request.context);
    if (isRefusal(records)) return records;
    const answer: Answer = { kind: 'text', contentType: request.answerType, text: records.text };
    return { answer, instance: records.instance };
  },
});

const FORMAT_MISMATCH = refused(
  406,
  RestCode.CONSUMER_FORMAT_MISMATCH,
  'The requested embedded data format does not match the deserializer for this consumer instance',
);

/** The instance as a member of its group, with a position in each of its partitions. */
export async function prepare(
  rest: RestEnvironment,
  { context, decisions }: Pick<RestRequest<string, unknown, unknown>, 'context' | 'decisions'>,
  instance: RestConsumer,
): Promise<RestConsumer | Refusal> {
  const took = await takePart(rest, instance, {
    context,
    decisions,
    async beforeRevoke(lost, current) {
      if (current.autoCommit) await commitPositions(rest, current, context, lost);
    },
  });
  return isRefusal(took) ? took : withPositions(rest, took.instance, took.kept, context);
}

export const v2ConsumerRoutes = [create, remove, read];

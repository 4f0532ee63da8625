import * as v from 'valibot';
import type { Decisions } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { type Answer, isRefusal, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { isNotAllowed, isRetriable, PARTITION_NOT_FOUND, RestCode } from '../errors.ts';
import { numberIn, produceAccesses, producedTopic } from '../find-topic.ts';
import { type Source, sourceOf } from '../json/source.ts';
import { embeddedFormatOf, V2_EMBEDDED_TYPES, V2_TYPE } from '../media-type.ts';
import { identityForKey, planProblem } from '../produce/idempotency.ts';
import type { RecordToProduce } from '../produce/plan.ts';
import { newIdentity, type ProducedRecord, planFor, produceRecords } from '../produce/produce.ts';
import { NEEDS_REGISTRY, type RecordFormat, serialize } from '../produce/serialize.ts';
import { defineRoute } from '../route.ts';

const INT32_MAX = 2 ** 31 - 1;

/** The levels of a body's text that are looked into, down to the keys and values of its records. */
const BODY_LEVELS = 3;

const produceBody = v.object({
  records: v.pipe(
    v.array(
      v.object({
        partition: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(INT32_MAX))),
        key: v.optional(v.unknown()),
        value: v.optional(v.unknown()),
      }),
    ),
    v.minLength(1, 'records may not be empty'),
  ),
  key_schema_id: v.nullish(v.number()),
  key_schema: v.nullish(v.string()),
  value_schema_id: v.nullish(v.number()),
  value_schema: v.nullish(v.string()),
});

const produceAnswer = v.object({
  offsets: v.array(
    v.object({
      partition: v.nullable(v.number()),
      offset: v.nullable(v.number()),
      error_code: v.nullable(v.number()),
      error: v.nullable(v.string()),
    }),
  ),
  key_schema_id: v.nullable(v.number()),
  value_schema_id: v.nullable(v.number()),
});

const PRODUCE = {
  method: 'POST',
  tag: 'Records (v2)',
  consumes: V2_EMBEDDED_TYPES,
  produces: [V2_TYPE],
  body: { kind: 'json', schema: produceBody },
  success: { status: 200, schema: produceAnswer },
} as const;

/** POST topics/NAME: each record goes to the partition that it names, else by its key. */
const produceToTopic = defineRoute({
  ...PRODUCE,
  path: '/topics/{topic_name}',
  summary: 'Produce records to a topic',
  accesses: ({ parameters }) => produceAccesses(parameters.topic_name),
  async handle(rest, request) {
    return produce(rest, { ...request, topic: request.parameters.topic_name, partition: undefined });
  },
});

const produceToPartition = defineRoute({
  ...PRODUCE,
  path: '/topics/{topic_name}/partitions/{partition_id}',
  summary: 'Produce records to a partition',
  accesses: ({ parameters }) => produceAccesses(parameters.topic_name),
  async handle(rest, request) {
    const partition = numberIn(request.parameters.partition_id);
    if (partition === undefined) return PARTITION_NOT_FOUND;
    return produce(rest, { ...request, topic: request.parameters.topic_name, partition });
  },
});

interface ProduceRequest {
  readonly topic: string;
  readonly partition: number | undefined;
  readonly body: v.InferOutput<typeof produceBody>;
  readonly text: string;
  readonly contentType: string | undefined;
  readonly context: RequestContext;
  readonly decisions: Decisions;
  readonly header: (name: string) => string | undefined;
}

async function produce(rest: RestEnvironment, request: ProduceRequest): Promise<Answer> {
  const { context, decisions, text } = request;
  const records = recordsOf(request);
  if (isRefusal(records)) return records;
  const topic = await producedTopic(rest, decisions, request.topic);
  if (isRefusal(topic)) return answer(records.map(() => asFailure(topic)));
  const key = request.header('idempotency-key');
  const identity = key === undefined ? newIdentity(rest, topic) : await identityForKey(rest, context, topic, key, text);
  if (isRefusal(identity)) return identity;
  const plan = planFor(topic, records, identity);
  const problem = key === undefined ? undefined : planProblem(plan);
  if (problem !== undefined) return problem;
  const produced = await produceRecords(rest, context, topic, records, identity, plan);
  return answer(produced.map(asOffset));
}

/** The records of a body. If one of them cannot be read, none is stored. */
function recordsOf({ body, text, contentType, partition }: ProduceRequest): RecordToProduce[] | Refusal {
  const format = FORMATS[embeddedFormatOf(contentType ?? '') ?? 'avro'];
  if (format === undefined) return NEEDS_REGISTRY;
  let source: Source | undefined;
  const sourceAt = (at: number, name: string) => {
    source ??= sourceOf(text, BODY_LEVELS);
    return source.members?.get('records')?.elements?.[at]?.members?.get(name);
  };
  const records: RecordToProduce[] = [];
  for (const [at, record] of body.records.entries()) {
    const key = serialize(format, record.key, text, () => sourceAt(at, 'key'));
    if (isRefusal(key)) return key;
    const value = serialize(format, record.value, text, () => sourceAt(at, 'value'));
    if (isRefusal(value)) return value;
    records.push({ partition: record.partition ?? partition, key, value, headers: [], timestamp: undefined });
  }
  return records;
}

/** The formats that need no schema. */
const FORMATS: Readonly<Record<string, RecordFormat | undefined>> = { binary: 'BINARY', json: 'JSON' };

interface OffsetOrError {
  readonly partition: number | null;
  readonly offset: number | null;
  readonly error_code: number | null;
  readonly error: string | null;
}

function asOffset(produced: ProducedRecord): OffsetOrError {
  switch (produced.kind) {
    case 'stored':
      return { partition: produced.partition, offset: produced.offset, error_code: null, error: null };
    case 'noPartition':
      return asFailure(PARTITION_NOT_FOUND);
    case 'failed': {
      const { error, message } = produced;
      if (isNotAllowed(error)) return failed(RestCode.KAFKA_AUTHORIZATION, message);
      return failed(isRetriable(error) ? RestCode.KAFKA_RETRIABLE : RestCode.KAFKA_ERROR, message);
    }
  }
}

/** Confluent knows three classes of errors here (AbstractProduceAction.errorCodeFromProducerException). */
function asFailure({ errorCode, message }: Refusal): OffsetOrError {
  const isKnown = errorCode === RestCode.KAFKA_AUTHORIZATION || errorCode === RestCode.PARTITION_NOT_FOUND;
  if (isKnown) return failed(errorCode, message);
  const isPassing = errorCode === RestCode.KAFKA_RETRIABLE || errorCode === RestCode.UNKNOWN_TOPIC_OR_PARTITION;
  return failed(isPassing ? RestCode.KAFKA_RETRIABLE : RestCode.KAFKA_ERROR, message);
}

function failed(error_code: number, error: string): OffsetOrError {
  return { partition: null, offset: null, error_code, error };
}

/** 403 if the client may not write; otherwise 200, also if no record was stored. */
function answer(offsets: readonly OffsetOrError[]): Answer {
  const isForbidden = offsets.some(({ error_code }) => error_code === RestCode.KAFKA_AUTHORIZATION);
  return {
    kind: 'answer',
    status: isForbidden ? 403 : 200,
    body: { offsets, key_schema_id: null, value_schema_id: null },
  };
}

export const v2ProduceRoutes = [produceToTopic, produceToPartition];

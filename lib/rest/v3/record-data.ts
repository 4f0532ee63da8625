import * as v from 'valibot';
import { isRefusal, type Refusal, refused } from '../answer.ts';
import { badRequest, kafkaFailure, PARTITION_NOT_FOUND } from '../errors.ts';
import type { Source } from '../json/source.ts';
import type { RecordToProduce } from '../produce/plan.ts';
import type { ProducedRecord } from '../produce/produce.ts';
import { formatOf, NEEDS_REGISTRY, type RecordFormat, serialize, serializeHeaders } from '../produce/serialize.ts';
import { instantIn, shownInstant } from '../timestamp.ts';

const INT32_MAX = 2 ** 31 - 1;

const data = v.nullish(
  v.object({
    type: v.nullish(v.picklist(['BINARY', 'JSON', 'STRING', 'AVRO', 'JSONSCHEMA', 'PROTOBUF'])),
    subject: v.nullish(v.string()),
    subject_name_strategy: v.nullish(v.picklist(['TOPIC_NAME', 'RECORD_NAME', 'TOPIC_RECORD_NAME'])),
    schema_id: v.nullish(v.number()),
    schema_version: v.nullish(v.number()),
    schema: v.nullish(v.string()),
    data: v.optional(v.unknown()),
  }),
);

/** The fields of a record to produce. */
export const RECORD_FIELDS = {
  partition_id: v.nullish(v.pipe(v.number(), v.integer(), v.maxValue(INT32_MAX))),
  headers: v.nullish(v.array(v.object({ name: v.string(), value: v.nullish(v.string()) }))),
  key: data,
  value: data,
  timestamp: v.nullish(v.string()),
};

const recordSchema = v.object(RECORD_FIELDS);
export type RecordBody = v.InferOutput<typeof recordSchema>;

const reportData = v.object({ type: v.nullish(v.string()), size: v.number() });

/** The fields of a report on a stored record. */
export const REPORT_FIELDS = {
  cluster_id: v.string(),
  topic_name: v.string(),
  partition_id: v.number(),
  offset: v.number(),
  timestamp: v.nullish(v.string()),
  key: v.optional(reportData),
  value: v.optional(reportData),
};

/** A record that is ready to be produced, with what its report says of it. */
export interface PreparedRecord {
  readonly record: RecordToProduce;
  readonly keyFormat: RecordFormat | undefined;
  readonly valueFormat: RecordFormat | undefined;
}

/** @param source of the record's object, with its members and theirs */
export function prepareRecord(body: RecordBody, text: string, source: () => Source): PreparedRecord | Refusal {
  if (body.partition_id != null && body.partition_id < 0) return PARTITION_NOT_FOUND;
  const key = serializePart(body.key, text, () => source().members?.get('key'));
  if (isRefusal(key)) return key;
  const value = serializePart(body.value, text, () => source().members?.get('value'));
  if (isRefusal(value)) return value;
  const headers = serializeHeaders(body.headers ?? []);
  if (isRefusal(headers)) return headers;
  const timestamp = body.timestamp == null ? undefined : instantOf(body.timestamp);
  if (isRefusal(timestamp)) return timestamp;
  return {
    record: { partition: body.partition_id ?? undefined, key: key.bytes, value: value.bytes, headers, timestamp },
    keyFormat: key.format,
    valueFormat: value.format,
  };
}

function serializePart(
  part: RecordBody['key'],
  text: string,
  source: () => Source | undefined,
): { readonly format: RecordFormat | undefined; readonly bytes: Buffer | null } | Refusal {
  if (part == null) return { format: undefined, bytes: null };
  const usesSchema = [part.subject, part.schema_id, part.schema_version, part.schema].some((one) => one != null);
  if (usesSchema) return NEEDS_REGISTRY;
  const format = formatOf(part.type);
  if (isRefusal(format)) return format;
  const bytes = serialize(format, part.data, text, () => source()?.members?.get('data'));
  return isRefusal(bytes) ? bytes : { format, bytes };
}

function instantOf(text: string): number | Refusal {
  return instantIn(text) ?? badRequest(`timestamp=${JSON.stringify(text.slice(0, 40))} is no time.`);
}

/** A report on a record that was stored, or the refusal. */
export function reportOn(
  clusterId: string,
  topic: string,
  { record, keyFormat, valueFormat }: PreparedRecord,
  produced: ProducedRecord,
) {
  switch (produced.kind) {
    case 'noPartition':
      return PARTITION_NOT_FOUND;
    case 'failed': {
      const { status, errorCode } = kafkaFailure(produced);
      return refused(status, errorCode, produced.message);
    }
    case 'stored':
      return {
        kind: 'stored' as const,
        report: {
          cluster_id: clusterId,
          topic_name: topic,
          partition_id: produced.partition,
          offset: produced.offset,
          timestamp: shownInstant(produced.timestamp),
          ...(keyFormat === undefined ? {} : { key: { type: keyFormat, size: record.key?.length ?? 0 } }),
          ...(valueFormat === undefined ? {} : { value: { type: valueFormat, size: record.value?.length ?? 0 } }),
        },
      };
  }
}

import * as v from 'valibot';
import type { Decisions } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { type Answer, isRefusal, type Refusal } from '../answer.ts';
import { CUT_OFF, checkValue, isCutOff } from '../body.ts';
import type { RestEnvironment } from '../environment.ts';
import { badRequest, invalidPayload, refusedWith, storeUnavailable } from '../errors.ts';
import { produceAccesses, producedTopic } from '../find-topic.ts';
import { parseJson } from '../json/parse.ts';
import { sourceOf } from '../json/source.ts';
import { JsonSplitter } from '../json/splitter.ts';
import { identityForKey, planProblem } from '../produce/idempotency.ts';
import { planFor, produceRecords } from '../produce/produce.ts';
import { type PreparedRecord, prepareRecord, RECORD_FIELDS, REPORT_FIELDS, reportOn } from './record-data.ts';
import { defineClusterRoute } from './resource.ts';

const recordBody = v.object(RECORD_FIELDS);

/** The levels of a record's text that are looked into: the record, and its key and value. */
const RECORD_LEVELS = 2;

/** Who sends records to which topic. */
interface Target {
  readonly rest: RestEnvironment;
  readonly context: RequestContext;
  readonly decisions: Decisions;
  readonly clusterId: string;
  readonly topic: string;
}

/**
 * POST records: one record, or a stream of concatenated JSON objects. Each is answered by a report,
 * in their order, as soon as it is stored. The status is 200 once the first record is there; each
 * report has its own `error_code`. With an `Idempotency-Key` the body is read as a whole first.
 */
export const produceStream = defineClusterRoute({
  method: 'POST',
  path: '/topics/{topic_name}/records',
  summary: 'Produce records',
  tag: 'Records (v3)',
  body: { kind: 'stream', schema: recordBody },
  success: {
    status: 200,
    schema: v.object({
      error_code: v.number(),
      message: v.optional(v.string()),
      ...v.partial(v.object(REPORT_FIELDS)).entries,
    }),
  },
  takesAnyCluster: true,
  accesses: ({ parameters }) => produceAccesses(parameters.topic_name),
  async handle(rest, { parameters, context, decisions, chunks, header }): Promise<Answer> {
    const { requestBytesMax } = rest.settings;
    if (Number(header('content-length') ?? 0) > requestBytesMax) return refusedWith(413);
    const target = { rest, context, decisions, clusterId: parameters.cluster_id, topic: parameters.topic_name };
    const arrivals = arrivalsOf(chunks, requestBytesMax);
    const key = header('idempotency-key');
    if (key !== undefined) return produceOnce(target, arrivals, key);
    const first = await arrivals.next();
    if (first.done === true) return NOTHING;
    return { kind: 'stream', chunks: reports(target, first.value, arrivals) };
  },
});

const NOTHING = invalidPayload('Request body is empty. Data is required.');

/** Records that arrived together, and why nothing can follow them, if so. */
interface Arrival {
  readonly texts: readonly string[];
  readonly problem?: string;
}

async function* arrivalsOf(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Arrival> {
  const splitter = new JsonSplitter(bytesMax);
  try {
    for await (const chunk of chunks) {
      const arrival = splitter.push(chunk);
      if (arrival.texts.length > 0 || arrival.problem !== undefined) yield arrival;
      if (arrival.problem !== undefined) return;
    }
  } catch (error) {
    if (!isCutOff(error)) throw error;
    yield { texts: [], problem: CUT_OFF };
    return;
  }
  const problem = splitter.end();
  if (problem !== undefined) yield { texts: [], problem };
}

async function* reports(target: Target, first: Arrival, rest: AsyncIterable<Arrival>): AsyncGenerator<string> {
  const more = (async function* () {
    yield first;
    yield* rest;
  })();
  for await (const { texts, problem } of more) {
    const parsed = texts.map(readRecord);
    // What cannot be read leaves no way to tell where the next record begins.
    const broken = parsed.findIndex((one) => one.kind === 'broken');
    const readable = broken < 0 ? parsed : parsed.slice(0, broken);
    const prepared = readable.map((one) =>
      one.kind === 'record' ? one.record : (one as { readonly refusal: Refusal }).refusal,
    );
    for (const line of await produceAll(target, prepared)) yield line;
    const stop = broken < 0 ? problem : (parsed[broken] as { readonly message: string }).message;
    if (stop === undefined) continue;
    yield lineOf(badRequest(`Error processing JSON: ${stop}`));
    return;
  }
}

type ReadRecord =
  | { readonly kind: 'record'; readonly record: PreparedRecord }
  | { readonly kind: 'wrong'; readonly refusal: Refusal }
  | { readonly kind: 'broken'; readonly message: string };

function readRecord(text: string): ReadRecord {
  const parsed = parseJson(text);
  if (parsed.kind === 'invalid') return { kind: 'broken', message: parsed.message };
  const checked = checkValue(parsed.value, recordBody);
  if (isRefusal(checked)) return { kind: 'wrong', refusal: checked };
  const record = prepareRecord(checked.value, text, () => sourceOf(text, RECORD_LEVELS));
  return isRefusal(record) ? { kind: 'wrong', refusal: record } : { kind: 'record', record };
}

/** One line for each record. A failure of one does not concern the others. */
async function produceAll(target: Target, prepared: readonly (PreparedRecord | Refusal)[]): Promise<string[]> {
  const valid = prepared.filter((one): one is PreparedRecord => !isRefusal(one));
  const reported = valid.length === 0 ? [] : await produceValid(target, valid);
  let next = 0;
  return prepared.map((one) => (isRefusal(one) ? lineOf(one) : reported[next++]!));
}

async function produceValid(target: Target, valid: readonly PreparedRecord[]): Promise<string[]> {
  const { rest, context, decisions, clusterId } = target;
  const all = (refusal: Refusal) => valid.map(() => lineOf(refusal));
  try {
    const topic = await producedTopic(rest, decisions, target.topic);
    if (isRefusal(topic)) return all(topic);
    const produced = await produceRecords(
      rest,
      context,
      topic,
      valid.map(({ record }) => record),
    );
    return valid.map((one, at) => lineOf(reportOn(clusterId, target.topic, one, produced[at]!)));
  } catch (error) {
    if (error instanceof StoreUnavailableError) return all(storeUnavailable());
    throw error;
  }
}

/** All records of a body under one key. If one cannot be read, none is stored. */
async function produceOnce(target: Target, arrivals: AsyncIterable<Arrival>, key: string): Promise<Answer> {
  const { rest, context, decisions, clusterId } = target;
  const texts: string[] = [];
  let bytes = 0;
  for await (const arrival of arrivals) {
    if (arrival.problem !== undefined) return badRequest(`Error processing JSON: ${arrival.problem}`);
    for (const text of arrival.texts) bytes += Buffer.byteLength(text);
    if (bytes > rest.settings.requestBytesMax) return refusedWith(413);
    texts.push(...arrival.texts);
  }
  if (texts.length === 0) return NOTHING;
  const prepared: PreparedRecord[] = [];
  for (const text of texts) {
    const read = readRecord(text);
    if (read.kind === 'broken') return badRequest(`Error processing JSON: ${read.message}`);
    if (read.kind === 'wrong') return read.refusal;
    prepared.push(read.record);
  }
  const topic = await producedTopic(rest, decisions, target.topic);
  if (isRefusal(topic)) return topic;
  const records = prepared.map(({ record }) => record);
  const identity = await identityForKey(rest, context, topic, key, texts.join('\n'));
  if (isRefusal(identity)) return identity;
  const plan = planFor(topic, records, identity);
  const problem = planProblem(plan);
  if (problem !== undefined) return problem;
  const produced = await produceRecords(rest, context, topic, records, identity, plan);
  const lines = prepared.map((one, at) => lineOf(reportOn(clusterId, target.topic, one, produced[at]!)));
  return {
    kind: 'stream',
    chunks: (async function* () {
      yield lines.join('');
    })(),
  };
}

/** A report as a line of the answer. */
function lineOf(reported: ReturnType<typeof reportOn>): string {
  const report = isRefusal(reported)
    ? { error_code: reported.errorCode, message: reported.message }
    : { error_code: 200, ...reported.report };
  return `${JSON.stringify(report)}\n`;
}

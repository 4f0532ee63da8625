import * as v from 'valibot';
import { type Answer, isRefusal, type Refusal, refused } from '../answer.ts';
import { RestCode } from '../errors.ts';
import { produceAccesses, producedTopic } from '../find-topic.ts';
import { type Source, sourceOf } from '../json/source.ts';
import { identityForKey, planProblem } from '../produce/idempotency.ts';
import { newIdentity, planFor, produceRecords } from '../produce/produce.ts';
import { type PreparedRecord, prepareRecord, RECORD_FIELDS, REPORT_FIELDS, reportOn } from './record-data.ts';
import { defineClusterRoute } from './resource.ts';

/** As Confluent's (ProduceBatchAction). */
const ID_CHARS_MAX = 80;

/** The most entries of a batch. Confluent's default is 10, meant for a proxy with one producer. */
const ENTRIES_MAX = 10_000;

/** The levels of a batch's text that are looked into, down to the keys and values of its entries. */
const BATCH_LEVELS = 4;

const batchBody = v.object({
  entries: v.array(v.object({ id: v.string(), ...RECORD_FIELDS })),
});

const batchReport = v.object({
  successes: v.array(v.object({ id: v.string(), ...REPORT_FIELDS })),
  failures: v.array(v.object({ id: v.string(), error_code: v.number(), message: v.string() })),
});

/** POST records:batch: 207, with the entries that were stored and those that were not. */
export const produceBatch = defineClusterRoute({
  method: 'POST',
  path: '/topics/{topic_name}/records:batch',
  summary: 'Produce a batch of records',
  tag: 'Records (v3)',
  body: { kind: 'json', schema: batchBody },
  success: { status: 207, schema: batchReport },
  takesAnyCluster: true,
  accesses: ({ parameters }) => produceAccesses(parameters.topic_name),
  async handle(rest, { parameters, body, text, context, decisions, header }): Promise<Answer> {
    const { entries } = body;
    const problem = entriesProblem(entries.map(({ id }) => id));
    if (problem !== undefined) return problem;
    let source: Source | undefined;
    const sourceAt = (at: number) => {
      source ??= sourceOf(text, BATCH_LEVELS);
      return source.members!.get('entries')!.elements![at]!;
    };
    const prepared = entries.map((entry, at) => prepareRecord(entry, text, () => sourceAt(at)));
    const topic = await producedTopic(rest, decisions, parameters.topic_name);
    if (isRefusal(topic))
      return answer(
        entries,
        entries.map(() => topic),
      );
    const valid = prepared.filter((one): one is PreparedRecord => !isRefusal(one));
    const records = valid.map(({ record }) => record);
    const key = header('idempotency-key');
    const identity =
      key === undefined ? newIdentity(rest, topic) : await identityForKey(rest, context, topic, key, text);
    if (isRefusal(identity)) return identity;
    const plan = planFor(topic, records, identity);
    const tooMuch = key === undefined ? undefined : planProblem(plan);
    if (tooMuch !== undefined) return tooMuch;
    const produced = await produceRecords(rest, context, topic, records, identity, plan);
    let next = 0;
    const results = prepared.map((one) => {
      if (isRefusal(one)) return one;
      return reportOn(parameters.cluster_id, parameters.topic_name, one, produced[next++]!);
    });
    return answer(entries, results);
  },
});

function entriesProblem(ids: readonly string[]): Refusal | undefined {
  if (ids.some((id) => id === '' || id.length > ID_CHARS_MAX)) {
    return batchProblem('Batch entry identifier is not a valid string.');
  }
  if (new Set(ids).size < ids.length) return batchProblem('Batch entry IDs are not distinct.');
  if (ids.length === 0) return batchProblem('Empty batch.');
  return ids.length > ENTRIES_MAX ? batchProblem('Too many entries in batch.') : undefined;
}

function batchProblem(message: string): Refusal {
  return refused(422, RestCode.PRODUCE_BATCH, message);
}

function answer(entries: readonly { readonly id: string }[], results: readonly ReturnType<typeof reportOn>[]): Answer {
  const successes: unknown[] = [];
  const failures: unknown[] = [];
  for (const [at, { id }] of entries.entries()) {
    const result = results[at]!;
    if (isRefusal(result)) failures.push({ id, error_code: result.errorCode, message: result.message });
    else successes.push({ id, ...result.report });
  }
  return { kind: 'answer', status: 207, body: { successes, failures } };
}

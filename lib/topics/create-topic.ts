import type { Failure } from '../core/errors.ts';
import { newNonce } from '../core/nonce.ts';
import { randomUuid } from '../core/uuid.ts';
import { createJournal } from '../journal/create.ts';
import { changeItem, type ItemPut } from '../kit/change-item.ts';
import { decodeTopic, encodeTopic, TOPIC_IDS_PK, TOPICS_PK, type TopicRecord } from '../storage/items/topic.ts';
import type { Item, PutCondition, PutOptions } from '../storage/ports.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import type { AdminEnvironment } from './environment.ts';
import { journalCount } from './journal-count.ts';
import { topicConfigProblem, topicConfigsProblem } from './topic-configs.ts';
import { isReservedTopic, OFFSETS_TOPIC, topicNameProblem } from './topic-name.ts';
import { journalsOf, type Topic } from './topics.ts';

/**
 * Maximum partitions of a topic; keeps checkpoints and Metadata responses small. Kafka has no such
 * bound.
 */
export const PARTITIONS_MAX = 10_000;

export interface NewTopic {
  readonly name: string;
  /** -1: the broker's default. */
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  /** Replicas by partition. Only the number of partitions is used. */
  readonly assignments: readonly { readonly partition: number; readonly brokers: readonly number[] }[];
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

export type CreateTopicOutcome =
  | { readonly kind: 'created'; readonly topic: Topic }
  | ({ readonly kind: 'valid' } & Pick<TopicRecord, 'partitions' | 'replicationFactor' | 'journals' | 'configs'>)
  | ({ readonly kind: 'rejected' } & Failure);

/**
 * Creates a topic: slot 0 of its journals, then the item under its id, then the item under its
 * name. The last put makes the topic exist. A crash before it leaves unused journals. Throws
 * StoreUnavailableError.
 */
export async function createTopic(
  env: AdminEnvironment,
  wanted: NewTopic,
  validateOnly: boolean,
): Promise<CreateTopicOutcome> {
  const decided = await decideTopic(env, wanted);
  if (decided.kind === 'rejected') return decided;
  const { existing } = decided;
  if (existing !== undefined && decodeTopic(existing.body).deletedAt === undefined) return alreadyThere(wanted.name);
  const { partitions, replicationFactor, journals, configs } = decided.record;
  if (validateOnly) return { kind: 'valid', partitions, replicationFactor, journals, configs };

  const { record } = decided;
  await Promise.all(journalsOf(record).map((id) => createJournal(env.journals.env, id, record.createdAt)));
  return nameTopic(env, record, existing);
}

export type DecidedTopic =
  | {
      readonly kind: 'decided';
      readonly record: TopicRecord;
      /** The item under the topic's name: of a topic that exists, or of one that was deleted. */
      readonly existing: Item | undefined;
    }
  | ({ readonly kind: 'rejected' } & Failure);

/** Checks a new topic and decides what it will be, with a new id. Throws StoreUnavailableError. */
export async function decideTopic(env: AdminEnvironment, wanted: NewTopic): Promise<DecidedTopic> {
  if (wanted.name === OFFSETS_TOPIC) return alreadyThere(wanted.name);
  if (isReservedTopic(wanted.name)) {
    const message = `Creation of internal topic ${wanted.name} is prohibited.`;
    return { kind: 'rejected', error: 'INVALID_REQUEST', message };
  }
  const checked = checkNewTopic(env, wanted);
  if (checked.kind === 'rejected') return checked;
  const { state } = env.journals.env.stores;
  const { item: existing } = await state.get(TOPICS_PK, wanted.name, true);
  const { partitions, replicationFactor, configs } = checked;
  const { 'tidelog.journals': journals } = configs;
  const record: TopicRecord = {
    id: randomUuid(env.journals.env.random),
    name: wanted.name,
    partitions,
    journals: journalCount(journals === undefined ? env.defaultJournals : Number(journals), partitions),
    replicationFactor,
    configs,
    createdAt: Math.floor(state.now()),
  };
  return { kind: 'decided', record, existing };
}

/**
 * Makes a topic exist whose journals are there: puts the item under its id, then the item under its
 * name. Throws StoreUnavailableError.
 *
 * @param existing the item under its name
 */
export async function nameTopic(
  env: AdminEnvironment,
  record: TopicRecord,
  existing: Item | undefined,
  options: PutOptions = {},
): Promise<Exclude<CreateTopicOutcome, { kind: 'valid' }>> {
  const { name, createdAt } = record;
  const { stores, clock, random } = env.journals.env;
  // A deleted topic of that name left its item; the new version continues from it (rule R9).
  const version = Math.max(createdAt, (existing?.version ?? 0) + 1);
  await putTopicCopy(env, record, version);
  const condition: PutCondition =
    existing === undefined ? { kind: 'absent' } : { kind: 'version', version: existing.version };
  const item: Item = { pk: TOPICS_PK, sk: name, version, nonce: newNonce(random), body: encodeTopic(record) };
  const put = await putItem(stores.state, item, condition, clock, random, options);
  switch (put.kind) {
    case 'committed':
      break;
    case 'conflict':
      if (put.existing === undefined || decodeTopic(put.existing.body).id !== record.id) return alreadyThere(name);
      break;
    case 'refused':
    case 'uncertain':
      throw new StoreUnavailableError(`topic ${name} was not (surely) created: ${put.message}`);
  }
  env.topics.remember(record, version);
  return { kind: 'created', topic: env.topics.peek(name)! };
}

/**
 * Writes the copy under the topic's id, only over an older one (rule R9). Throws
 * StoreUnavailableError.
 */
export async function putTopicCopy(
  env: Pick<AdminEnvironment, 'journals'>,
  record: TopicRecord,
  version: number,
): Promise<void> {
  const { stores, clock, random } = env.journals.env;
  const put: ItemPut = { kind: 'put', version, body: encodeTopic(record) };
  // Only for a new topic does the version equal the creation time. Such a topic usually has no copy
  // yet.
  const first = record.createdAt === version ? ({ ...put, condition: { kind: 'absent' } } as const) : undefined;
  const key = { pk: TOPIC_IDS_PK, sk: record.id };
  await changeItem(
    { state: stores.state, clock, random },
    key,
    // Another process may have written a later change first.
    (older) => (older !== undefined && older.version >= version ? { kind: 'keep', result: undefined } : put),
    first,
  );
}

function alreadyThere(name: string): { readonly kind: 'rejected' } & Failure {
  return { kind: 'rejected', error: 'TOPIC_ALREADY_EXISTS', message: `Topic '${name}' already exists.` };
}

type Checked =
  | ({ readonly kind: 'rejected' } & Failure)
  | {
      readonly kind: 'ok';
      readonly partitions: number;
      readonly replicationFactor: number;
      readonly configs: Record<string, string>;
    };

/** Kafka's checks of a new topic, in Kafka's order (ReplicationControlManager.createTopic). */
function checkNewTopic(env: AdminEnvironment, wanted: NewTopic): Checked {
  const reject = (error: Failure['error'], message: string): Checked => ({ kind: 'rejected', error, message });
  const nameProblem = topicNameProblem(wanted.name);
  if (nameProblem !== undefined) return reject('INVALID_TOPIC_EXCEPTION', nameProblem);
  const configs: Record<string, string> = {};
  for (const { name, value } of wanted.configs) {
    const problem = topicConfigProblem(name, value);
    if (problem !== undefined) return reject('INVALID_CONFIG', problem);
    configs[name] = value!.trim();
  }
  const conflict = topicConfigsProblem(configs);
  if (conflict !== undefined) return reject('INVALID_CONFIG', conflict);
  if (wanted.assignments.length > 0) {
    if (wanted.partitions !== -1) {
      return reject('INVALID_REQUEST', 'a manual assignment was given, so the number of partitions must be -1');
    }
    if (wanted.replicationFactor !== -1) {
      return reject('INVALID_REQUEST', 'a manual assignment was given, so the replication factor must be -1');
    }
    return checkAssignments(wanted, configs);
  }
  if (wanted.replicationFactor < -1 || wanted.replicationFactor === 0) {
    return reject('INVALID_REPLICATION_FACTOR', 'the replication factor must be larger than 0, or -1 for the default');
  }
  if (wanted.partitions < -1 || wanted.partitions === 0) {
    return reject('INVALID_PARTITIONS', 'the number of partitions must be larger than 0, or -1 for the default');
  }
  const partitions = wanted.partitions === -1 ? env.defaultPartitions : wanted.partitions;
  if (partitions > PARTITIONS_MAX) {
    return reject('INVALID_PARTITIONS', `a topic has at most ${PARTITIONS_MAX} partitions`);
  }
  const replicationFactor = wanted.replicationFactor === -1 ? env.defaultReplicationFactor : wanted.replicationFactor;
  return { kind: 'ok', partitions, replicationFactor, configs };
}

function checkAssignments(wanted: NewTopic, configs: Record<string, string>): Checked {
  const problem = assignmentProblem(wanted.assignments, 0);
  if (problem !== undefined) return { kind: 'rejected', error: 'INVALID_REPLICA_ASSIGNMENT', message: problem };
  const partitions = wanted.assignments.length;
  if (partitions > PARTITIONS_MAX) {
    return {
      kind: 'rejected',
      error: 'INVALID_PARTITIONS',
      message: `a topic has at most ${PARTITIONS_MAX} partitions`,
    };
  }
  return { kind: 'ok', partitions, replicationFactor: wanted.assignments[0]!.brokers.length, configs };
}

/**
 * The problem with a manual assignment of the partitions from `first` on; undefined if it is valid.
 */
export function assignmentProblem(assignments: NewTopic['assignments'], first: number): string | undefined {
  const numbers = assignments.map((one) => one.partition).sort((a, b) => a - b);
  if (numbers.some((number, index) => number !== first + index)) {
    return `the assignment must name consecutive partitions from ${first} on, each once`;
  }
  const factor = assignments[0]?.brokers.length ?? 0;
  for (const { partition, brokers } of assignments) {
    if (brokers.length === 0) return `the assignment of partition ${partition} names no broker`;
    if (new Set(brokers).size !== brokers.length)
      return `the assignment of partition ${partition} names a broker twice`;
    if (brokers.some((broker) => broker < 0))
      return `the assignment of partition ${partition} has a negative broker id`;
    if (brokers.length !== factor) return 'all partitions must have the same number of replicas';
  }
  return undefined;
}

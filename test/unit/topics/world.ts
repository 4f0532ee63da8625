import { Partitions } from '../../../lib/log/partitions.ts';
import { decodeTopic, TOPIC_IDS_PK, TOPICS_PK, type TopicRecord } from '../../../lib/storage/items/topic.ts';
import { type CreateTopicOutcome, createTopic, type NewTopic } from '../../../lib/topics/create-topic.ts';
import type { AdminEnvironment } from '../../../lib/topics/environment.ts';
import { type Topic, Topics } from '../../../lib/topics/topics.ts';
import { TOPIC_DEFAULTS } from '../../support/topic-defaults.ts';
import { createWorld, type Process, type World } from '../journal/world.ts';

export const DEFAULTS = TOPIC_DEFAULTS;

export interface AdminProcess extends Process {
  readonly admin: AdminEnvironment;
  readonly partitions: Partitions;
}

export interface AdminWorld extends World {
  admin(): AdminProcess;
  /** What is stored of a topic, under its name and under its id. */
  stored(name: string): { readonly record: TopicRecord; readonly version: number } | undefined;
  storedById(id: string): { readonly record: TopicRecord; readonly version: number } | undefined;
  create(by: AdminProcess, name: string, fields?: Partial<NewTopic>): Promise<CreateTopicOutcome>;
  /** Creates a topic; throws unless it was created. */
  created(by: AdminProcess, name: string, fields?: Partial<NewTopic>): Promise<Topic>;
}

export async function createAdminWorld(): Promise<AdminWorld> {
  const world = await createWorld();
  const stored = (pk: string, sk: string) => {
    const item = world.stores.contents().state.find((one) => one.pk === pk && one.sk === sk);
    return item === undefined ? undefined : { record: decodeTopic(item.body), version: item.version };
  };
  const create = (by: AdminProcess, name: string, fields: Partial<NewTopic> = {}) =>
    world.run(createTopic(by.admin, { ...newTopic(name), ...fields }, false));
  return {
    ...world,
    admin() {
      const process = world.process();
      const topics = new Topics(process.stores.state, world.clock, DEFAULTS);
      const defaults = {
        defaultPartitions: 3,
        defaultReplicationFactor: 2,
        defaultJournals: 1,
        brokerConfigs: new Map(),
      };
      const partitions = new Partitions(topics, process.journals);
      return Object.assign(process, { admin: { journals: process.journals, topics, ...defaults }, partitions });
    },
    stored: (name) => stored(TOPICS_PK, name),
    storedById: (id) => stored(TOPIC_IDS_PK, id),
    create,
    async created(by, name, fields) {
      const outcome = await create(by, name, fields);
      if (outcome.kind !== 'created') throw new Error(`${name}: ${JSON.stringify(outcome)}`);
      return outcome.topic;
    },
  };
}

export function newTopic(name: string): NewTopic {
  return { name, partitions: 1, replicationFactor: 1, assignments: [], configs: [] };
}

import { api } from '../api.ts';
import { array, bool, int8, int16, int32, string, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const creatableTopicConfigs = {
  name: string(),
  value: string({ nullable: true }),
  readOnly: bool(),
  configSource: int8({ default: -1, ignorable: true }),
  isSensitive: bool(),
};

/**
 * Creates topics, by counts or by a replica assignment. From 4 on, -1 means the default for either
 * count (KIP-464).
 */
export const CreateTopicsRequest = message('CreateTopicsRequest', '2-7', '5+', {
  topics: array({
    name: string(),
    numPartitions: int32(),
    replicationFactor: int16(),
    assignments: array({ partitionIndex: int32(), brokerIds: array(int32()) }),
    configs: array({ name: string(), value: string({ nullable: true }) }),
  }),
  timeoutMs: int32({ default: 60000 }),
  validateOnly: bool({ default: false }),
});

/**
 * From 5 on, it describes the created topic, with its configs unless `topicConfigErrorCode` is set;
 * from 7 on, with its id.
 */
export const CreateTopicsResponse = message('CreateTopicsResponse', '2-7', '5+', {
  throttleTimeMs: int32({ default: 0, ignorable: true }),
  topics: array({
    name: string(),
    topicId: uuid('7+', { ignorable: true }),
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true, ignorable: true }),
    topicConfigErrorCode: int16('5+', { ignorable: true, tag: 0 }),
    numPartitions: int32('5+', { default: -1, ignorable: true }),
    replicationFactor: int16('5+', { default: -1, ignorable: true }),
    configs: array(creatableTopicConfigs, '5+', { nullable: true, ignorable: true }),
  }),
});

export const CreateTopics = api('CreateTopics', CreateTopicsRequest, CreateTopicsResponse);

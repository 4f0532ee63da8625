import { api } from '../api.ts';
import { array, bool, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const addPartitionsToTxnTopic = { name: string(), partitions: array(int32()) };

const addPartitionsToTxnTransaction = {
  transactionalId: string(),
  producerId: int64(),
  producerEpoch: int16(),
  verifyOnly: bool({ default: false }),
  topics: array(addPartitionsToTxnTopic),
};

const addPartitionsToTxnPartitionResult = { partitionIndex: int32(), partitionErrorCode: int16() };

const addPartitionsToTxnTopicResult = { name: string(), resultsByPartition: array(addPartitionsToTxnPartitionResult) };

const addPartitionsToTxnResult = {
  transactionalId: string(),
  topicResults: array(addPartitionsToTxnTopicResult),
};

/**
 * Adds partitions to a transaction. Up to 3 a client sends it for one transaction; from 4 on,
 * brokers send it in batches.
 */
export const AddPartitionsToTxnRequest = message('AddPartitionsToTxnRequest', '0-5', '3+', {
  transactions: array(addPartitionsToTxnTransaction, '4+'),
  v3AndBelowTransactionalId: string('0-3'),
  v3AndBelowProducerId: int64('0-3'),
  v3AndBelowProducerEpoch: int16('0-3'),
  v3AndBelowTopics: array(addPartitionsToTxnTopic, '0-3'),
});

export const AddPartitionsToTxnResponse = message('AddPartitionsToTxnResponse', '0-5', '3+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16('4+', { ignorable: true }),
  resultsByTransaction: array(addPartitionsToTxnResult, '4+'),
  resultsByTopicV3AndBelow: array(addPartitionsToTxnTopicResult, '0-3'),
});

export const AddPartitionsToTxn = api('AddPartitionsToTxn', AddPartitionsToTxnRequest, AddPartitionsToTxnResponse);

import { errorCode } from '../../core/errors.ts';
import { DeleteRecords } from '../../wire/messages/21-delete-records.ts';
import type { AdminBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { namedOnce } from '../named-once.ts';

/**
 * DeleteRecords, versions 0 to 2: raises the log start of partitions to an offset, or to the high
 * watermark (-1). If a partition is named twice, only its last offset counts, as in Kafka.
 */
export const deleteRecords = defineApi(DeleteRecords, async (broker: AdminBroker, request, _version, context) => {
  const topics = namedOnce(
    request.topics,
    ({ name }) => name,
    ({ partitions }) => partitions,
    ({ partitionIndex }) => partitionIndex,
  );
  const asked = topics.flatMap(({ topic: { name }, partitions }) => {
    const topic = { name };
    return partitions.map(({ partitionIndex: partition, offset }) => ({
      topic,
      partition,
      before: offset === HIGH_WATERMARK ? ('end' as const) : offset,
    }));
  });
  const deleted = await broker.log.deleteRecords(context, asked, request.timeoutMs);
  let next = 0;
  return {
    topics: topics.map(({ topic: { name }, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const { error, lowWatermark, reason } = deleted[next++]!;
        if (reason !== undefined) {
          broker.logger.log('warn', { event: 'store_unavailable', apiKey: 21, message: reason });
        }
        return { partitionIndex, lowWatermark, errorCode: errorCode(error) };
      }),
    })),
  };
});

/** Kafka: DeleteRecordsRequest.HIGH_WATERMARK. */
const HIGH_WATERMARK = -1;

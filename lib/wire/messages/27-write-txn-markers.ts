import { api } from '../api.ts';
import { array, bool, int8, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Writes the markers that end transactions. Sent by a coordinator to the leaders. */
export const WriteTxnMarkersRequest = message('WriteTxnMarkersRequest', '1-2', '1+', {
  markers: array({
    producerId: int64(),
    producerEpoch: int16(),
    transactionResult: bool(),
    topics: array({ name: string(), partitionIndexes: array(int32()) }),
    coordinatorEpoch: int32(),
    transactionVersion: int8('2+', { default: 0, ignorable: true }),
  }),
});

export const WriteTxnMarkersResponse = message('WriteTxnMarkersResponse', '1-2', '1+', {
  markers: array({
    producerId: int64(),
    topics: array({ name: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
  }),
});

export const WriteTxnMarkers = api('WriteTxnMarkers', WriteTxnMarkersRequest, WriteTxnMarkersResponse);

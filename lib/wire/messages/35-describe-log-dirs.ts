import { api } from '../api.ts';
import { array, bool, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Returns sizes by log directory. Null topics mean all. */
export const DescribeLogDirsRequest = message('DescribeLogDirsRequest', '1-5', '2+', {
  topics: array({ topic: string(), partitions: array(int32()) }, { nullable: true }),
});

export const DescribeLogDirsResponse = message('DescribeLogDirsResponse', '1-5', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16('3+', { ignorable: true }),
  results: array({
    errorCode: int16(),
    logDir: string(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        partitionSize: int64(),
        offsetLag: int64(),
        isFutureKey: bool(),
      }),
    }),
    totalBytes: int64('4+', { default: -1, ignorable: true }),
    usableBytes: int64('4+', { default: -1, ignorable: true }),
    isCordoned: bool('5+', { default: false, ignorable: true }),
  }),
});

export const DescribeLogDirs = api('DescribeLogDirs', DescribeLogDirsRequest, DescribeLogDirsResponse);

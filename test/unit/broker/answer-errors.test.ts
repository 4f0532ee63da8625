import { expect, it } from 'vitest';
import { errorPathsOf, errorsIn } from '../../../lib/broker/answer-errors.ts';
import { ApiKey, apis } from '../../../lib/wire/apis.ts';

function errorsOf(apiKey: ApiKey, answer: object): number[] {
  const found: number[] = [];
  for (const code of errorsIn(answer, errorPathsOf(apis[apiKey].response.fields)))
    if (code !== undefined) found.push(code);
  return found;
}

it('finds the error of a whole answer', () => {
  expect(errorsOf(ApiKey.InitProducerId, { errorCode: 15 })).toEqual([15]);
  expect(errorsOf(ApiKey.InitProducerId, { errorCode: 0 })).toEqual([]);
});

it('finds the errors of partitions, each by itself', () => {
  const partitions = [{ errorCode: 3 }, { errorCode: 0 }, { errorCode: 10 }];
  expect(
    errorsOf(ApiKey.Produce, { responses: [{ partitionResponses: partitions }, { partitionResponses: partitions }] }),
  ).toEqual([3, 10, 3, 10]);
});

it('finds both where an API has both', () => {
  const answer = { errorCode: 70, responses: [{ partitions: [{ errorCode: 1 }] }] };
  expect(errorsOf(ApiKey.Fetch, answer)).toEqual([70, 1]);
});

it('finds errors at several depths of one answer', () => {
  const answer = {
    topics: [
      { errorCode: 17, partitions: [] },
      { errorCode: 0, partitions: [{ errorCode: 5 }] },
    ],
  };
  expect(errorsOf(ApiKey.Metadata, answer).sort((a, b) => a - b)).toEqual([5, 17]);
});

it('takes what an answer leaves out for no error', () => {
  expect(errorsOf(ApiKey.Fetch, { errorCode: 0 })).toEqual([]);
  expect(errorsOf(ApiKey.Metadata, { topics: null })).toEqual([]);
});

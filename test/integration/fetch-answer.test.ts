import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode, errorName } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { batchOf, createTopic, fetchRequest, NOWHERE, produce, type TopicName, valuesIn } from '../support/requests.ts';

/** Nobody waits that long; an answer before it came for another reason. */
const LONG_WAIT_MS = 20_000;

let engine: Engine;
let empty: TopicName;
let other: TopicName;
let full: TopicName;

beforeAll(async () => {
  engine = await startEngine();
  empty = await createTopic(engine.client, 'empty', { partitions: 2 });
  other = await createTopic(engine.client, 'other', { partitions: 2 });
  full = await createTopic(engine.client, 'full', { partitions: 2 });
  for (const value of ['a', 'b']) await produce(engine.client, full, batchOf([value]));
});

type Asked = readonly [topic: TopicName, ...partitions: (number | readonly [partition: number, offset: number])[]];

/** Sends one request; the answer as [topic's name or id, [partition, error, values], ...] in its order. */
async function ask(version: number, asked: readonly Asked[], maxWaitMs = 0) {
  const { responses } = await engine.client.ask(ApiKey.Fetch, version, {
    ...fetchRequest(empty, { version, maxWaitMs }),
    topics: asked.map(([{ name, id }, ...partitions]) => ({
      ...(version >= 13 ? { topicId: id } : { topic: name }),
      partitions: partitions.map((one) => {
        const [partition, fetchOffset] = typeof one === 'number' ? [one, 0] : one;
        return { partition, fetchOffset, partitionMaxBytes: 1024 * 1024 };
      }),
    })),
  });
  return responses.map(({ topic, topicId, partitions }) => [
    version >= 13 ? topicId : topic,
    ...partitions.map((one) => [one.partitionIndex, errorName(one.errorCode), ...valuesIn(one.records)]),
  ]);
}

const named = (version: number, { name, id }: TopicName) => (version >= 13 ? id : name);

// The values are those of Kafka 4.3.1 for the same requests.
describe.each([12, 17])('an answer of version %i', (version) => {
  const UNKNOWN = version >= 13 ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION';
  const ELSE: TopicName = { name: 'elsewhere', id: 'elsewhereelsewhereA_-A' };

  it('has what was read first, then what could not be', async () => {
    const answer = await ask(version, [
      [empty, 9, 0],
      [NOWHERE, 0],
      [other, 1],
      [empty, 8, 1],
    ]);
    const missing = (partition: number) => [partition, 'UNKNOWN_TOPIC_OR_PARTITION'];
    expect(answer).toEqual(
      version >= 13
        ? [
            [empty.id, [0, 'NONE']],
            [other.id, [1, 'NONE']],
            [empty.id, [1, 'NONE']],
            [NOWHERE.id, [0, 'UNKNOWN_TOPIC_ID']],
            [empty.id, missing(9), missing(8)],
          ]
        : [
            ['empty', [0, 'NONE']],
            ['other', [1, 'NONE']],
            ['empty', [1, 'NONE'], missing(9)],
            ['nowhere', missing(0)],
            ['empty', missing(8)],
          ],
    );
  });

  it('names a partition once that the request names twice, as it is named last', async () => {
    const name = named(version, full);
    expect(await ask(version, [[full, 0, 0]])).toEqual([[name, [0, 'NONE', 'a', 'b']]]);
    expect(await ask(version, [[full, 0, [0, 1]]])).toEqual([[name, [0, 'NONE', 'b']]]);
    expect(await ask(version, [[full, 0, [0, 99]]], LONG_WAIT_MS)).toEqual([[name, [0, 'OFFSET_OUT_OF_RANGE']]]);
    expect(await ask(version, [[full, [0, 99], 0]])).toEqual([[name, [0, 'NONE', 'a', 'b']]]);
  });

  it('has a partition that is named twice in the place where it was named first', async () => {
    expect(
      await ask(version, [
        [full, 0],
        [other, 0],
        [full, [0, 1], 1],
      ]),
    ).toEqual([
      [named(version, full), [0, 'NONE', 'b']],
      [named(version, other), [0, 'NONE']],
      [named(version, full), [1, 'NONE']],
    ]);
  });

  it('names what is not there once as well', async () => {
    expect(
      await ask(version, [
        [NOWHERE, 0, 0],
        [NOWHERE, 0],
      ]),
    ).toEqual([[named(version, NOWHERE), [0, UNKNOWN]]]);
    expect(
      await ask(version, [
        [ELSE, 0],
        [NOWHERE, 0],
        [ELSE, 0, 1],
      ]),
    ).toEqual([
      [named(version, ELSE), [0, UNKNOWN]],
      [named(version, NOWHERE), [0, UNKNOWN]],
      [named(version, ELSE), [1, UNKNOWN]],
    ]);
  });
});

describe('what an error comes with', () => {
  it.each([4, 5, 12])('has the same empty fields as in Kafka in version %i', async (version) => {
    const request = { ...fetchRequest(full, { version, offset: 99 }), topics: [] as unknown[] };
    const partitions = [{ partition: 0, fetchOffset: 99, partitionMaxBytes: 1024 }];
    request.topics = [full, NOWHERE].map(({ name }) => ({ topic: name, partitions }));
    const { responses } = await engine.client.ask(ApiKey.Fetch, version, request as ReturnType<typeof fetchRequest>);
    const bounds = { highWatermark: -1, lastStableOffset: -1, ...(version >= 5 && { logStartOffset: -1 }) };
    expect(responses.map((one) => one.partitions[0])).toMatchObject([
      { errorCode: errorCode('OFFSET_OUT_OF_RANGE'), abortedTransactions: null, ...bounds },
      { errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), abortedTransactions: [], ...bounds },
    ]);
  });
});

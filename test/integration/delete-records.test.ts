import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { decideBy } from '../support/authorizer.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import {
  batchOf,
  createTopic,
  fetch,
  listOffset,
  NOWHERE,
  produce,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';

const HIGH_WATERMARK = -1;
const BIGGEST = Number.MAX_SAFE_INTEGER;

let engine: Engine;
let topic: TopicName;
let topics = 0;

beforeAll(async () => {
  engine = await startEngine();
});

beforeEach(async () => {
  topic = await createTopic(engine.client, `shrinking-${topics++}`, { partitions: 3 });
  for (const partition of [0, 1]) await produce(engine.client, topic, batchOf(['a', 'b', 'c']), { partition });
});

/** Each result as [partition, error code, low watermark]. */
async function deleteBefore(
  offsets: readonly (readonly [partition: number, offset: number])[],
  name = topic.name,
  { client }: Engine = engine,
): Promise<number[][]> {
  const answer = await client.ask(ApiKey.DeleteRecords, 2, {
    topics: [{ name, partitions: offsets.map(([partitionIndex, offset]) => ({ partitionIndex, offset })) }],
    timeoutMs: 0,
  });
  expect(answer.topics.map((one) => one.name)).toEqual([name]);
  return answer.topics[0]!.partitions.map((one) => [one.partitionIndex, one.errorCode, one.lowWatermark]);
}

describe('DeleteRecords', () => {
  it('hides the records below the offset from every read', async () => {
    expect(await deleteBefore([[0, 2]])).toEqual([[0, 0, 2]]);
    expect(await listOffset(engine.client, topic, -2)).toMatchObject({ offset: 2 });
    expect(await listOffset(engine.client, topic, -1)).toMatchObject({ offset: 3 });
    const outside = { errorCode: errorCode('OFFSET_OUT_OF_RANGE') };
    expect(await fetch(engine.client, topic, { offset: 1 })).toMatchObject(outside);
    const read = await fetch(engine.client, topic, { offset: 2 });
    expect(read).toMatchObject({ errorCode: 0, logStartOffset: 2, highWatermark: 3 });
    expect(await produce(engine.client, topic, batchOf(['d']))).toMatchObject({ baseOffset: 3, logStartOffset: 2 });
    expect(await listOffset(engine.client, topic, -2, { partition: 1 })).toMatchObject({ offset: 0 });
  });

  it('deletes everything up to the high watermark', async () => {
    expect(await deleteBefore([[0, HIGH_WATERMARK]])).toEqual([[0, 0, 3]]);
    expect(await fetch(engine.client, topic, { offset: 3 })).toMatchObject({ errorCode: 0, logStartOffset: 3 });
    expect(await produce(engine.client, topic, batchOf(['d']))).toMatchObject({ baseOffset: 3 });
    expect(valuesIn((await fetch(engine.client, topic, { offset: 3 })).records)).toEqual(['d']);
  });

  it('changes nothing below the log start, and refuses an offset beyond the end', async () => {
    await deleteBefore([[0, 2]]);
    const { journal } = await engine.journalOf(topic.name);
    const { seq } = journal.view;
    const outside = errorCode('OFFSET_OUT_OF_RANGE');
    expect(await deleteBefore([[0, 1]])).toEqual([[0, 0, 2]]);
    expect(await deleteBefore([[0, 4]])).toEqual([[0, outside, -1]]);
    expect(await deleteBefore([[0, -2]])).toEqual([[0, outside, -1]]);
    expect(await deleteBefore([[0, BIGGEST]])).toEqual([[0, outside, -1]]);
    expect(journal.view.seq).toBe(seq);
  });

  it('takes one entry for all partitions of a journal, and answers for each of them', async () => {
    const { journal } = await engine.journalOf(topic.name);
    const { seq } = journal.view;
    const asked = [
      [2, 0],
      [1, 3],
      [7, 0],
      [0, 1],
      [-1, 0],
    ] as const;
    const unknown = errorCode('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await deleteBefore(asked)).toEqual([
      [2, 0, 0],
      [1, 0, 3],
      [7, unknown, -1],
      [0, 0, 1],
      [-1, unknown, -1],
    ]);
    expect(journal.view.seq).toBe(seq + 1);
    expect(await deleteBefore([[0, 0]], NOWHERE.name)).toEqual([[0, unknown, -1]]);
  });

  it('takes the last offset of a partition that is named twice', async () => {
    expect(
      await deleteBefore([
        [0, 3],
        [1, 1],
        [0, 2],
      ]),
    ).toEqual([
      [0, 0, 2],
      [1, 0, 1],
    ]);
  });

  it('is refused for a topic that is only compacted, and for an internal one', async () => {
    const withPolicy = (name: string, policy: string) =>
      createTopic(engine.client, `${topic.name}-${name}`, { configs: { 'cleanup.policy': policy } });
    const compacted = await withPolicy('compacted', 'compact');
    expect(await deleteBefore([[0, 0]], compacted.name)).toEqual([[0, errorCode('POLICY_VIOLATION'), -1]]);
    const both = await withPolicy('both', 'compact,delete');
    expect(await deleteBefore([[0, 0]], both.name)).toEqual([[0, 0, 0]]);
    expect(await deleteBefore([[0, 0]], '__consumer_offsets')).toEqual([[0, errorCode('INVALID_TOPIC_EXCEPTION'), -1]]);
  });

  it('outlives the process, and is seen by others at once', async () => {
    const stores = emptyStores();
    const [first, second] = [await startEngine({ stores }), await startEngine({ stores })];
    const shared = await createTopic(first.client, 'shared');
    await produce(first.client, shared, batchOf(['a', 'b']));
    await fetch(second.client, shared);
    expect(await deleteBefore([[0, 1]], 'shared', second)).toEqual([[0, 0, 1]]);
    expect(await listOffset(first.client, shared, -2)).toMatchObject({ offset: 1 });
    const third = await startEngine({ stores });
    expect(await listOffset(third.client, shared, -2)).toMatchObject({ offset: 1 });
  });

  it('decides on what the store has, not on what the process has seen', async () => {
    const stores = emptyStores();
    const [first, second] = [await startEngine({ stores }), await startEngine({ stores })];
    const shared = await createTopic(first.client, 'shared');
    await produce(first.client, shared, batchOf(['a']));
    await fetch(second.client, shared);
    await produce(first.client, shared, batchOf(['b', 'c']));
    expect(await deleteBefore([[0, HIGH_WATERMARK]], 'shared', second)).toEqual([[0, 0, 3]]);
  });

  it('serves the topics of the client beside those of others', async () => {
    const stores = emptyStores();
    const { client } = await startEngine({ stores });
    for (const name of ['mine', 'hers']) await produce(client, await createTopic(client, name), batchOf(['a']));
    const rule = decideBy(
      (operation, resource) => operation === 'DELETE' && 'name' in resource && resource.name === 'mine',
    );
    const guarded = await startEngine({ stores, authorize: rule });
    const partitions = [{ partitionIndex: 0, offset: 1 }];
    const answer = await guarded.client.ask(ApiKey.DeleteRecords, 2, {
      topics: [
        { name: 'hers', partitions },
        { name: 'mine', partitions },
      ],
      timeoutMs: 5_000,
    });
    const refused = { partitionIndex: 0, errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), lowWatermark: -1 };
    expect(answer.topics).toEqual([
      { name: 'hers', partitions: [refused] },
      { name: 'mine', partitions: [{ partitionIndex: 0, errorCode: 0, lowWatermark: 1 }] },
    ]);
  });
});

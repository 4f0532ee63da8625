import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import {
  batchOf,
  createTopic,
  fetch,
  fetchRequest,
  listOffset,
  NOWHERE,
  produce,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';

const LONG_WAIT_MS = 20_000;

let engine: Engine;
let topic: TopicName;
let topics = 0;

beforeAll(async () => {
  engine = await startEngine();
});

beforeEach(async () => {
  topic = await createTopic(engine.client, `fetched-${topics++}`, { partitions: 2 });
  await produce(engine.client, topic, batchOf(['a', 'b', 'c']));
});

function epochEnd(name: string, partition: number, leaderEpoch: number, currentLeaderEpoch = -1) {
  return engine.client
    .ask(ApiKey.OffsetForLeaderEpoch, 4, {
      topics: [{ topic: name, partitions: [{ partition, leaderEpoch, currentLeaderEpoch }] }],
    })
    .then((answer) => answer.topics[0]!.partitions[0]!);
}

/** Moves the leader epoch on, as a gateway does that takes a journal over. */
async function changeLeader(leaderEpoch: number): Promise<void> {
  const { writer } = await engine.journalOf(topic.name);
  const written = await writer.appendEntry(
    (_view, time) => ({ kind: 'leaderChange', time, leaderEpoch, leader: 0 }),
    Number.POSITIVE_INFINITY,
  );
  expect(written).toBe('written');
}

describe('Fetch', () => {
  it('refuses topics and partitions that are not there, without waiting', async () => {
    const wait = { maxWaitMs: LONG_WAIT_MS };
    const unknown = { errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), highWatermark: -1 };
    expect(await fetch(engine.client, NOWHERE, wait)).toMatchObject(unknown);
    expect(await fetch(engine.client, topic, { ...wait, partition: 2 })).toMatchObject(unknown);
    expect(await fetch(engine.client, topic, { ...wait, partition: -1 })).toMatchObject(unknown);
    const unknownId = { errorCode: errorCode('UNKNOWN_TOPIC_ID'), highWatermark: -1 };
    expect(await fetch(engine.client, NOWHERE, { ...wait, version: 13 })).toMatchObject(unknownId);
  });

  it('answers for the partitions that are there beside those that are not', async () => {
    const request = fetchRequest(topic, {}, [0, 0, 0]);
    const { responses } = await engine.client.ask(ApiKey.Fetch, 12, request);
    expect(responses[0]!.partitions.map((one) => [one.partitionIndex, one.errorCode])).toEqual([
      [0, 0],
      [1, 0],
      [2, errorCode('UNKNOWN_TOPIC_OR_PARTITION')],
    ]);
    expect(valuesIn(responses[0]!.partitions[0]!.records)).toEqual(['a', 'b', 'c']);
  });

  it('answers OFFSET_OUT_OF_RANGE at both ends, without the bounds of the log', async () => {
    const bounds = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 };
    const outside = { errorCode: errorCode('OFFSET_OUT_OF_RANGE'), ...bounds };
    const wait = { maxWaitMs: LONG_WAIT_MS };
    expect(await fetch(engine.client, topic, { ...wait, offset: 4 })).toMatchObject(outside);
    expect(await fetch(engine.client, topic, { ...wait, offset: -1 })).toMatchObject(outside);
    expect(await fetch(engine.client, topic, { ...wait, offset: Number.MAX_SAFE_INTEGER })).toMatchObject(outside);
    expect(await fetch(engine.client, topic, { offset: 3 })).toMatchObject({ errorCode: 0, highWatermark: 3 });

    const { writer } = await engine.journalOf(topic.name);
    await writer.appendEntry(
      (_view, time) => ({ kind: 'logStart', time, starts: [{ partition: 0, offset: 2 }] }),
      Number.POSITIVE_INFINITY,
    );
    const below = await fetch(engine.client, topic, { ...wait, offset: 1 });
    expect(below).toMatchObject(outside);
    expect(await fetch(engine.client, topic, { offset: 2 })).toMatchObject({ errorCode: 0, logStartOffset: 2 });
    expect(await listOffset(engine.client, topic, -2)).toMatchObject({ offset: 2 });
  });

  describe('of a session', () => {
    const SESSION_IDS = [0, 1, -1, 4711, 2 ** 31 - 1, -(2 ** 31)];

    it.each([7, 11, 12, 13, 16, 18])(
      'reads in full with epochs 0 and -1, whatever the id, in version %i',
      async (version) => {
        for (const sessionId of SESSION_IDS) {
          for (const sessionEpoch of [0, -1]) {
            const request = fetchRequest(topic, { version, sessionId, sessionEpoch });
            const answer = await engine.client.ask(ApiKey.Fetch, version, request);
            expect(answer, `${sessionId}, ${sessionEpoch}`).toMatchObject({ errorCode: 0, sessionId: 0 });
            expect(valuesIn(answer.responses[0]!.partitions[0]!.records)).toEqual(['a', 'b', 'c']);
          }
        }
      },
    );

    it.each([7, 11, 12, 13, 16, 18])('is not found with any other epoch, in version %i', async (version) => {
      const error = errorCode('FETCH_SESSION_ID_NOT_FOUND');
      for (const sessionId of SESSION_IDS) {
        for (const sessionEpoch of [1, 5, 2 ** 31 - 1, -2, -(2 ** 31)]) {
          const request = fetchRequest(topic, { version, sessionId, sessionEpoch, maxWaitMs: LONG_WAIT_MS });
          const answer = await engine.client.ask(ApiKey.Fetch, version, request);
          expect(answer, `${sessionId}, ${sessionEpoch}`).toMatchObject({
            errorCode: error,
            sessionId: 0,
            responses: [],
          });
        }
      }
    });
  });

  it('answers a request without partitions at once', async () => {
    const request = { ...fetchRequest(topic, { maxWaitMs: LONG_WAIT_MS }), topics: [] };
    expect(await engine.client.ask(ApiKey.Fetch, 12, request)).toMatchObject({ errorCode: 0, responses: [] });
  });
});

describe('leader epochs', () => {
  it('fence those who know an older or a newer one', async () => {
    await changeLeader(5);
    const fenced = { errorCode: errorCode('FENCED_LEADER_EPOCH') };
    const unknown = { errorCode: errorCode('UNKNOWN_LEADER_EPOCH') };
    const wait = { maxWaitMs: LONG_WAIT_MS };
    expect(await fetch(engine.client, topic, { ...wait, leaderEpoch: 0 })).toMatchObject(fenced);
    expect(await fetch(engine.client, topic, { ...wait, leaderEpoch: 6 })).toMatchObject(unknown);
    expect(await fetch(engine.client, topic, { leaderEpoch: 5 })).toMatchObject({ errorCode: 0 });
    expect(await listOffset(engine.client, topic, -1, { leaderEpoch: 4 })).toMatchObject(fenced);
    expect(await listOffset(engine.client, topic, -1, { leaderEpoch: 7 })).toMatchObject(unknown);
    expect(await listOffset(engine.client, topic, -1, { leaderEpoch: 5 })).toMatchObject({ offset: 3, leaderEpoch: 5 });
    expect(await epochEnd(topic.name, 0, 0, 2)).toMatchObject(fenced);
    expect(await epochEnd(topic.name, 0, 0, 6)).toMatchObject(unknown);
  });

  it('end where the next one began', async () => {
    await changeLeader(2);
    await produce(engine.client, topic, batchOf(['d', 'e']));
    await changeLeader(4);
    await changeLeader(7);
    await produce(engine.client, topic, batchOf(['f']));
    const ends = [];
    for (const epoch of [0, 1, 2, 3, 4, 6, 7, 8]) {
      const { leaderEpoch, endOffset, errorCode: code } = await epochEnd(topic.name, 0, epoch);
      ends.push([epoch, code, leaderEpoch, endOffset]);
    }
    // As Kafka: the largest epoch with data not above the one asked for, and where the next one with data began.
    expect(ends).toEqual([
      [0, 0, 0, 3],
      [1, 0, 0, 3],
      [2, 0, 2, 5],
      [3, 0, 2, 5],
      [4, 0, 2, 5],
      [6, 0, 2, 5],
      [7, 0, 7, 6],
      [8, 0, -1, -1],
    ]);
    expect(await listOffset(engine.client, topic, -2)).toMatchObject({ offset: 0, leaderEpoch: 0 });
    expect(await listOffset(engine.client, topic, -1)).toMatchObject({ offset: 6, leaderEpoch: 7 });
    const { topics: described } = await engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name: topic.name }] });
    expect(described[0]!.partitions.map((one) => one.leaderEpoch)).toEqual([7, 7]);
  });

  it('stand in the batches', async () => {
    await changeLeader(3);
    await produce(engine.client, topic, batchOf(['d']));
    const { records } = await fetch(engine.client, topic, { offset: 3 });
    expect(records!.readInt32BE(12)).toBe(3);
  });

  it('are refused for topics and partitions that are not there', async () => {
    const unknown = { errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), leaderEpoch: -1, endOffset: -1 };
    expect(await epochEnd(NOWHERE.name, 0, 0)).toMatchObject(unknown);
    expect(await epochEnd(topic.name, 2, 0)).toMatchObject(unknown);
  });
});

describe('ListOffsets', () => {
  it('refuses topics, partitions and special timestamps that are not there', async () => {
    const unknown = { errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), offset: -1, timestamp: -1 };
    expect(await listOffset(engine.client, NOWHERE, -1)).toMatchObject(unknown);
    expect(await listOffset(engine.client, topic, -1, { partition: 2 })).toMatchObject(unknown);
    expect(await listOffset(engine.client, topic, -99)).toMatchObject({ errorCode: errorCode('UNSUPPORTED_VERSION') });
  });
});

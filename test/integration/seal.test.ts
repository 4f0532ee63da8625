import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { Slots } from '../../lib/kit/slots.ts';
import { Codec } from '../../lib/records/compression/codec.ts';
import { DueList } from '../../lib/segments/due-list.ts';
import { mergeSegments } from '../../lib/segments/merge.ts';
import { sealJournal } from '../../lib/segments/seal.ts';
import type { SealEnvironment } from '../../lib/segments/seal-environment.ts';
import { SegmentIndex } from '../../lib/segments/segment-index.ts';
import { topicIdOf } from '../../lib/storage/items/journal-entry.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { batchOf, createTopic, fetch, produce, recordsIn, type TopicName } from '../support/requests.ts';

const PARTITIONS = [0, 1, 2];
const LIMITS = { sealBytes: 1024 * 1024, sealMs: 60_000 };
const FOREVER = Number.POSITIVE_INFINITY;

/** Two batches for each partition, of them one compressed. */
async function produceRound({ client }: Engine, topic: TopicName, round: number): Promise<void> {
  for (const partition of PARTITIONS) {
    const values = Array.from({ length: 20 }, (_, index) => `round ${round}, partition ${partition}, record ${index}`);
    await produce(client, topic, batchOf(values), { partition });
    await produce(client, topic, batchOf(values, { codec: Codec.gzip }), { partition });
  }
}

/** The batches of a partition as a consumer gets them. */
async function consumed({ client }: Engine, topic: TopicName, partition: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let offset = 0; ; ) {
    const { errorCode, records } = await fetch(client, topic, { partition, offset });
    expect(errorCode).toBe(0);
    const last = recordsIn(records).at(-1);
    if (records === null || last === undefined) return Buffer.concat(chunks);
    chunks.push(records);
    offset = Number(last.offset) + 1;
  }
}

describe.each([
  ['in entries', {}],
  ['in WAL objects', { 'tidelog.inline.max.bytes': '0' }],
])('what was produced %s', (_, settings) => {
  it('is in the segments byte for byte, also when they were merged', async () => {
    const stores = emptyStores();
    const engine = await startEngine({ stores, settings });
    const topic = await createTopic(engine.client, 'sealed', { partitions: PARTITIONS.length });
    const change = { state: stores.state, clock: systemClock, random: systemRandom };
    const index = new SegmentIndex(change);
    const env: SealEnvironment = { index, due: new DueList(change), slots: new Slots(1) };
    /** By a process that has cached nothing. */
    const open = async () => (await startEngine({ stores, settings })).journalOf(topic.name);

    const sealed = async (partition: number): Promise<Buffer> => {
      const topicId = topicIdOf((await engine.journalOf(topic.name)).journal.id);
      const { segments } = await index.list(topicId, partition, { from: 0, consistent: true });
      const logs = segments.map(async ({ key, log }) => {
        const read = await stores.blobs.getRange(key, log.start, log.start + log.length);
        return read.kind === 'found' ? read.bytes : Buffer.from(`${key} is missing`);
      });
      return Buffer.concat(await Promise.all(logs));
    };

    for (let round = 0; round < 9; round++) {
      await produceRound(engine, topic, round);
      const outcome = await sealJournal(env, await open(), LIMITS, FOREVER, true);
      expect(outcome).toMatchObject({ kind: 'sealed', parts: PARTITIONS.length });
    }
    const before = await Promise.all(PARTITIONS.map((partition) => consumed(engine, topic, partition)));
    expect(await Promise.all(PARTITIONS.map(sealed))).toEqual(before);
    expect(recordsIn(before[0]!)).toHaveLength(9 * 2 * 20);

    const merged = await mergeSegments(env, await open(), 0, { mergeBytes: 1024 * 1024 }, FOREVER);
    expect(merged).toMatchObject({ kind: 'merged', segments: 8 });
    expect(await Promise.all(PARTITIONS.map(sealed))).toEqual(before);
    expect(await consumed(engine, topic, 0)).toEqual(before[0]);
  });
});

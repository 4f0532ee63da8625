import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import { Slots } from '../../../lib/kit/slots.ts';
import { encodeControlBatch } from '../../../lib/records/control.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { iterateRecords } from '../../../lib/records/record.ts';
import { type CompactionOutcome, type CompactionRequest, compactPartition } from '../../../lib/segments/compact.ts';
import { COMPACTION_LIMITS, type CompactionEnvironment } from '../../../lib/segments/compaction-environment.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import { sealJournal } from '../../../lib/segments/seal.ts';
import { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import { FOREVER, HOUR, type Process, T0, type World } from '../journal/world.ts';
import { append, realBatch, type Sealer, sealedContent } from './seal-world.ts';

export const CONFIG = {
  minCleanableDirtyRatio: 0,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: HOUR,
  segmentBytes: 1_000_000,
  indexIntervalBytes: 0,
};

export const LIMITS = { ...COMPACTION_LIMITS, mapBytes: 10_000, windowBytes: 200 };

export interface Producer {
  readonly producerId: number;
  sequence: number;
}

/** As startSealer, for a process that is there. */
export async function sealerOf(process: Process): Promise<Sealer> {
  const { stores, clock, random } = process.env;
  const change = { state: stores.state, clock, random };
  const env = { index: new SegmentIndex(change), due: new DueList(change), slots: new Slots(1) };
  return { process, env, open: await process.open() };
}

/** One entry with one batch: `a=1` is a record, `a` a tombstone. */
export function write(world: World, sealer: Sealer, text: string, producer?: Producer, timestamp = T0): Promise<void> {
  const records = text.split(' ').map((one) => {
    const [key, value] = one.split('=');
    return { key: Buffer.from(key!), value: value === undefined ? null : Buffer.from(value), timestamp };
  });
  const of = producer && {
    producerId: producer.producerId,
    producerEpoch: 0,
    baseSequence: producer.sequence,
    transactional: true,
    transactionVerified: true,
  };
  const bytes = encodeBatch(records, of && { ...of, isTransactional: true });
  if (producer !== undefined) producer.sequence += records.length;
  return append(world, sealer, realBatch(records.map(String), { ...of, bytes, maxTimestamp: timestamp }));
}

/** Ends a producer's transaction. */
export async function end(world: World, { open }: Sealer, { producerId }: Producer, commit: boolean): Promise<void> {
  const type = commit ? 'commit' : 'abort';
  const made = open.writer.appendEntry((view, time) => {
    const { nextOffset: baseOffset } = view.partitions.get(0)!;
    const bytes = encodeControlBatch({
      type,
      producerId,
      producerEpoch: 0,
      coordinatorEpoch: 0,
      timestamp: time,
      baseOffset,
    });
    const meta = {
      partition: 0,
      baseOffset,
      lastOffsetDelta: 0,
      maxTimestamp: time,
      producerId,
      producerEpoch: 0,
      baseSequence: -1,
      transactional: true,
      control: true,
      position: 0,
      size: bytes.length,
    };
    return {
      kind: 'markers',
      time,
      producerId,
      producerEpoch: 0,
      commit,
      batches: [meta],
      payload: { kind: 'inline', bytes },
    };
  }, FOREVER);
  if ((await world.run(made)) !== 'written') throw new Error('the marker was not written');
}

export async function seal(world: World, { env, open }: Sealer): Promise<void> {
  const limits = { sealBytes: 1_000_000, sealMs: HOUR };
  const outcome = await world.run(sealJournal(env, open, limits, FOREVER, true));
  if (outcome.kind !== 'sealed') throw new Error(JSON.stringify(outcome));
}

/** Each text is a batch and a seal of its own. */
export async function sealed(world: World, sealer: Sealer, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await write(world, sealer, text);
    await seal(world, sealer);
  }
}

export function environmentOf({ env }: Sealer): CompactionEnvironment {
  return { index: env.index, due: env.due, slots: new Slots(1) };
}

export function compacting(
  sealer: { readonly env: Sealer['env']; readonly open: OpenJournal },
  request: Partial<CompactionRequest> = {},
  deadline = FOREVER,
): Promise<CompactionOutcome> {
  const env = environmentOf(sealer as Sealer);
  return compactPartition(env, sealer.open, { partition: 0, config: CONFIG, limits: LIMITS, ...request }, deadline);
}

/** What the segments hold: `offset key=value`, and `offset key` for a tombstone. Markers: `offset !`. */
export async function left(world: World, sealer: Sealer): Promise<string[]> {
  const content = await sealedContent(world, sealer, 0);
  return [...content.values()].flatMap((hex) =>
    [...iterateRecords(Buffer.from(hex, 'hex'))].map(({ offset, key, value }) => {
      if (key?.length === 4 && key[0] === 0) return `${offset} !`;
      return value === null ? `${offset} ${key}` : `${offset} ${key}=${value}`;
    }),
  );
}

/** The newest value of each key. */
export function tableOf(records: readonly string[]): Map<string, string | undefined> {
  return new Map(
    records
      .filter((one) => !one.endsWith('!'))
      .map((one) => one.split(' ')[1]!.split('=') as [string, string?])
      .map(([key, value]) => [key, value]),
  );
}

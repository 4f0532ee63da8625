import type { BatchToAppend } from '../../../lib/journal/decide-append.ts';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import { readBatches } from '../../../lib/journal/read.ts';
import { Slots } from '../../../lib/kit/slots.ts';
import { type BatchOptions, encodeBatch, type RecordInput } from '../../../lib/records/encode.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import { splitLog } from '../../../lib/segments/format/log-batches.ts';
import type { SealEnvironment } from '../../../lib/segments/seal-environment.ts';
import { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import { DUE_PK } from '../../../lib/storage/items/due.ts';
import { topicIdOf } from '../../../lib/storage/items/journal-entry.ts';
import { SEGMENT_PREFIX } from '../../../lib/storage/items/segment-object.ts';
import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { FOREVER, JOURNAL, type Process, type ProcessOptions, T0, type World } from '../journal/world.ts';

export const TOPIC = topicIdOf(JOURNAL);

/** A process with what sealing needs. */
export interface Sealer {
  readonly process: Process;
  readonly env: SealEnvironment;
  readonly open: OpenJournal;
}

export async function startSealer(world: World, options?: ProcessOptions): Promise<Sealer> {
  const process = world.process(options);
  const { stores, clock, random } = process.env;
  const change = { state: stores.state, clock, random };
  const env = { index: new SegmentIndex(change), due: new DueList(change), slots: new Slots(1) };
  return { process, env, open: await process.open() };
}

/** A whole record batch as a producer sends it. */
export function realBatch(
  values: readonly string[],
  fields: Partial<BatchToAppend> = {},
  options: BatchOptions = {},
): BatchToAppend {
  const { maxTimestamp = T0 } = fields;
  const records: RecordInput[] = values.map((value) => ({ timestamp: maxTimestamp, value: Buffer.from(value) }));
  return {
    partition: 0,
    lastOffsetDelta: values.length - 1,
    maxTimestamp,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    transactional: false,
    transactionVerified: false,
    bytes: encodeBatch(records, options),
    ...fields,
  };
}

/** Appends one entry with these batches. */
export async function append(world: World, { open }: Sealer, ...batches: BatchToAppend[]): Promise<void> {
  const results = await world.run(Promise.all(batches.map((batch) => open.writer.append(batch, FOREVER))));
  const refused = results.find((result) => result.kind !== 'appended');
  if (refused !== undefined) throw new Error(JSON.stringify(refused));
}

/** The batches of a partition in hexadecimal, by base offset. */
export type Content = ReadonlyMap<number, string>;

/** What the segments of a partition hold, found by the segment items, read strongly consistent. */
export async function sealedContent(world: World, { process, env }: Sealer, partition: number): Promise<Content> {
  const content = new Map<number, string>();
  const list = { from: 0, consistent: true } as const;
  const { segments } = await world.run(env.index.list(TOPIC, partition, list));
  let next = segments[0]?.baseOffset ?? 0;
  for (const { key, log, baseOffset, nextOffset } of segments) {
    if (baseOffset !== next) throw new Error(`partition ${partition} has a gap before ${baseOffset}`);
    next = nextOffset;
    const read = await world.run(process.stores.blobs.getRange(key, log.start, log.start + log.length));
    if (read.kind === 'missing') throw new Error(`object ${key} is missing`);
    const { batches } = splitLog(read.bytes, { key, from: baseOffset, to: nextOffset });
    for (const { header, bytes } of batches) content.set(header.baseOffset, bytes.toString('hex'));
  }
  return content;
}

/** What consumers get of a partition that is read from entries. */
export async function entryContent(world: World, { open }: Sealer, partition: number): Promise<Content> {
  const { journal } = open;
  await world.run(journal.catchUp(true));
  const { logStartOffset: from, nextOffset: to } = journal.view.partitions.get(partition)!;
  const range = { partition, from, to, maxBytes: FOREVER, atLeastOne: true };
  const batches = await world.run(readBatches(journal, range));
  return new Map(batches.map(({ meta, bytes }) => [meta.baseOffset, bytes.toString('hex')]));
}

export function segmentObjects(world: World): string[] {
  return [...world.stores.contents().blobs.keys()].filter((key) => key.startsWith(SEGMENT_PREFIX)).sort();
}

/** Sort keys of the due list. */
export function dueList(world: World): string[] {
  return world.stores
    .contents()
    .state.filter(({ pk }) => pk === DUE_PK)
    .map(({ sk }) => sk);
}

const NEVER_MS = 1e15;

/**
 * Stops a process for good at its call number `at` (from 1) from now on: that call and all later ones
 * get no answer. With `arrives`, the store still carries out the first of them.
 */
export function stopAt(at: number, arrives: boolean): (call: StoreCall) => Fault | undefined {
  let calls = 0;
  return () => {
    calls += 1;
    if (calls < at) return undefined;
    return calls === at && arrives ? { delayAfterMs: NEVER_MS } : { delayBeforeMs: NEVER_MS };
  };
}

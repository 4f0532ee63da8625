import type { SegmentPart } from '../../../lib/journal/segment-part.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import { buildSegmentSet } from '../../../lib/segments/format/segment-set.ts';
import type { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import type { JournalId } from '../../../lib/storage/items/journal-entry.ts';
import { batch, FOREVER, JOURNAL, type Process, type World } from '../journal/world.ts';
import { contentOf } from './format/contents.ts';
import { epochsOf, indexOf } from './index-world.ts';

/** What ending segments needs, in a process. */
export function endingOf(process: Process): { readonly index: SegmentIndex; readonly due: DueList } {
  const { stores, env } = process;
  return {
    index: indexOf(process),
    due: new DueList({ state: stores.state, clock: env.clock, random: env.random }),
  };
}

export interface Appended {
  readonly partition?: number;
  /** Default: now. */
  readonly timestamp?: number;
  readonly records?: number;
  readonly text?: string;
}

/** Appends a batch for each. */
export async function appendTo(
  world: World,
  process: Process,
  batches: readonly Appended[],
  journal: JournalId = JOURNAL,
): Promise<void> {
  const { writer: queue } = await world.run(process.open(journal));
  for (const { partition = 0, timestamp = world.clock.now(), records = 1, text = 'v' } of batches) {
    const one = batch(text, { partition, maxTimestamp: timestamp, lastOffsetDelta: records - 1 });
    const result = await world.run(queue.append(one, FOREVER));
    if (result.kind !== 'appended') throw new Error(`not appended: ${JSON.stringify(result)}`);
  }
}

export interface SealOptions {
  readonly journal?: JournalId;
  /** Writes the entry alone, as a process does that dies then. */
  readonly withoutItems?: boolean;
  /** Default: the newest one of the partition so far. */
  readonly maxTimestamp?: number;
}

/** Seals all that is not sealed: the object, the entry, the items. Returns the object's key. */
export async function sealAll(world: World, process: Process, options: SealOptions = {}): Promise<string> {
  const { journal: id = JOURNAL, withoutItems = false } = options;
  const { journal, writer: queue } = await world.run(process.open(id));
  await world.run(journal.catchUp(true));
  const { view } = journal;
  const key = `segment/${id}/${String(view.seq).padStart(16, '0')}-nonce`;
  const hot = [...view.partitions.values()].filter(({ nextOffset, sealedOffset }) => nextOffset > sealedOffset);
  const contents = hot
    .sort((a, b) => a.partition - b.partition)
    .map(({ partition, sealedOffset, nextOffset }) => {
      const timestamps = Array.from({ length: nextOffset - sealedOffset }, () => 1);
      return contentOf([{ kind: 'data', timestamps, valueBytes: 3 }], partition, sealedOffset);
    });
  const set = buildSegmentSet(contents, { key });
  await world.run(process.stores.blobs.put(key, set.chunks));
  const parts: SegmentPart[] = set.parts.map((part) => ({
    ...part,
    maxTimestamp: options.maxTimestamp ?? view.partitions.get(part.partition)!.maxTimestamp,
  }));
  const { seq: toSeq, time: toTime } = view;
  const fromSeq = view.sealedSeq + 1;
  const result = await world.run(
    queue.appendEntry((_, time) => ({ kind: 'seal', time, fromSeq, toSeq, toTime, key, parts }), FOREVER),
  );
  if (result !== 'written') throw new Error(`not sealed: ${result}`);
  if (!withoutItems) {
    await world.run(indexOf(process).writeSeal(id, journal.view.lastSeal!, world.clock.now(), epochsOf));
  }
  return key;
}

/** Keys of the due items, without their times. */
export function dueNames(world: World): string[] {
  return world.stores
    .contents()
    .state.filter(({ pk }) => pk === 'due')
    .map(({ sk }) => sk.slice(sk.indexOf('/') + 1));
}

export function objectKeys(world: World, prefix = ''): string[] {
  return [...world.stores.contents().blobs.keys()].filter((key) => key.startsWith(prefix));
}

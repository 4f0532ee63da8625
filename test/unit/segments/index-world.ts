import { expect } from 'vitest';
import { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import { decodeItem } from '../../../lib/segments/segment-items.ts';
import type { Replacement } from '../../../lib/segments/write-replace.ts';
import type { NamedSeal } from '../../../lib/segments/write-seal.ts';
import type { EpochStart, StoredSegment } from '../../../lib/storage/items/segment.ts';
import type { SegmentPart } from '../../../lib/storage/items/segment-part.ts';
import type { Process, World } from '../journal/world.ts';

export const TOPIC = 'topic';
export const JOURNAL = 'topic/0';
export const EPOCHS: readonly EpochStart[] = [{ epoch: 0, startOffset: 0 }];
export const epochsOf = () => EPOCHS;

export function part(baseOffset: number, nextOffset: number, maxTimestamp = nextOffset, partition = 0): SegmentPart {
  return {
    partition,
    baseOffset,
    nextOffset,
    maxTimestamp,
    maxTimestampOffset: baseOffset,
    log: { start: 0, length: 100 },
    index: { start: 100, length: 20 },
    offsetIndexBytes: 8,
    timeIndexBytes: 12,
    indexCrc: 1,
  };
}

export function seal(seq: number, ...parts: SegmentPart[]): NamedSeal {
  return { seq, time: 1_000 + seq, key: `segment/topic/0/${seq}`, parts };
}

/** Replaces the offsets [first, ...ends) by segments that end at `ends`. */
export function replacement(seq: number, first: number, ...ends: number[]): Replacement {
  const parts = ends.map((end, index) => part(index === 0 ? first : ends[index - 1]!, end));
  const key = `segment/topic/p0/${seq}`;
  return { seq, time: 1_000 + seq, key, partition: 0, baseOffset: first, nextOffset: ends.at(-1)!, parts };
}

export function indexOf({ stores, env }: Process): SegmentIndex {
  return new SegmentIndex({ state: stores.state, clock: env.clock, random: env.random });
}

/** Seals of one partition, one after the other: each from the end of the one before to `ends`. */
export async function sealed(world: World, index: SegmentIndex, ends: readonly number[]): Promise<void> {
  for (const [at, end] of ends.entries()) {
    const one = seal(at + 1, part(at === 0 ? 0 : ends[at - 1]!, end));
    await world.run(index.writeSeal(JOURNAL, one, world.clock.now(), epochsOf));
  }
}

/** The items of a partition as stored. */
export function stored(world: World, partition = 0): StoredSegment[] {
  return world.stores
    .contents()
    .state.filter(({ pk }) => pk === `segments/${TOPIC}/${partition}`)
    .map(decodeItem);
}

/** `base-next@seq` of each; `base>replacedBy@seq` of a replaced one. */
export function say(segments: readonly StoredSegment[]): string[] {
  return segments.map((one) =>
    one.state === 'live'
      ? `${one.baseOffset}-${one.nextOffset}@${one.seq}`
      : `${one.baseOffset}>${one.replacedBy}@${one.seq}`,
  );
}

/** Every offset is found, and the lists give every offset once, in both orders. */
export async function expectWhole(at: World, how: string, from: number, end: number): Promise<void> {
  const fresh = indexOf(at.process());
  for (let offset = from; offset < end; offset++) {
    const found = await at.run(fresh.find(TOPIC, 0, offset, { consistent: true }));
    expect(found !== undefined && found.baseOffset <= offset && offset < found.nextOffset, `${how}: ${offset}`).toBe(
      true,
    );
  }
  const up = await at.run(fresh.list(TOPIC, 0, { from }));
  let position = from;
  for (const { baseOffset, nextOffset } of up.segments) {
    expect(baseOffset <= position && position < nextOffset, `${how}: up at ${position}`).toBe(true);
    position = nextOffset;
  }
  expect(position, how).toBeGreaterThanOrEqual(end);
  position = end;
  const down = await at.run(fresh.list(TOPIC, 0, { from: end - 1, order: 'descending' }));
  for (const { baseOffset, nextOffset } of down.segments) {
    if (position <= from) break;
    expect(baseOffset < position && position <= nextOffset, `${how}: down at ${position}`).toBe(true);
    position = baseOffset;
  }
  expect(position).toBeLessThanOrEqual(from);
}

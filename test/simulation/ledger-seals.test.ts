import { describe, expect, it } from 'vitest';
import { type BatchMeta, type Entry, encodeEntry, type ReplaceEntry, type SealEntry } from '../../lib/journal/entry.ts';
import { patchBatch } from '../../lib/records/batch.ts';
import { entryPk, entrySk } from '../../lib/storage/items/journal-entry.ts';
import { batchOf } from '../support/requests.ts';
import { Ledger, type Sent } from './ledger.ts';

const JOURNAL = 't/0';
const SET = 'segment/set';

/** A journal with a batch of partition 0 in slots 1 and 2, the latter in a WAL object, and one of partition 1 in slot 3. */
class Story {
  readonly found: string[] = [];
  readonly ledger = new Ledger(
    (kind, message) => this.found.push(`${kind}: ${message}`),
    () => 1_000,
  );
  readonly logs: Buffer[] = [];
  #seq = 0;

  constructor() {
    this.push({ kind: 'leaderChange', time: 100, leaderEpoch: 0, leader: 0 });
    this.records(0, 0, 'inline');
    this.push({ kind: 'leaderChange', time: 102, leaderEpoch: 5, leader: 1 });
    this.records(0, 1, 'wal');
    this.records(1, 0, 'inline');
  }

  push(entry: Entry): void {
    const seq = this.#seq++;
    const item = { pk: entryPk(JOURNAL), sk: entrySk(seq), version: seq, nonce: `${seq}`, body: encodeEntry(entry) };
    this.ledger.wrote(item);
  }

  records(partition: number, baseOffset: number, place: 'inline' | 'wal'): void {
    const bytes = batchOf([`${partition}:${baseOffset}`], { timestamp: 1 });
    const producer = { producerId: -1, producerEpoch: -1, baseSequence: -1 };
    const sent: Sent = { id: `${this.#seq}`, kind: 'plain', partition, bytes, records: 1, ...producer, sends: 1 };
    this.ledger.expect(sent);
    const final = Buffer.from(bytes);
    patchBatch(final, baseOffset, partition === 0 && baseOffset === 0 ? 0 : 5);
    this.logs.push(final);
    const flags = { transactional: false, control: false, maxTimestamp: 1, lastOffsetDelta: 0, position: 0 };
    const meta: BatchMeta = { partition, baseOffset, ...producer, ...flags, size: bytes.length };
    // An object without a header, as earlier programs wrote it.
    const key = `wal/000000000000001-${this.#seq}`;
    if (place === 'wal') this.ledger.stored(key, bytes);
    const payload =
      place === 'wal'
        ? ({ kind: 'wal', key, start: 0, length: bytes.length } as const)
        : ({ kind: 'inline', bytes: final } as const);
    this.push({ kind: 'records', time: 100 + this.#seq, batches: [meta], payload });
  }

  /** Seals slots 0 to 4 with these logs, of partition 0 and of partition 1. */
  seal(fields: Partial<SealEntry> = {}, logs: [Buffer, Buffer] = [this.log(0, 1), this.log(2)]): void {
    this.ledger.stored(SET, Buffer.concat(logs));
    let start = 0;
    const parts = logs.map((log, partition) => {
      start += log.length;
      const index = { start, length: 0 };
      return {
        ...{ partition, baseOffset: 0, nextOffset: 2 - partition, maxTimestamp: 1, maxTimestampOffset: 0 },
        ...{ log: { start: start - log.length, length: log.length }, index },
        ...{ offsetIndexBytes: 0, timeIndexBytes: 0, indexCrc: 0 },
      };
    });
    this.push({ kind: 'seal', time: 106, fromSeq: 0, toSeq: 4, toTime: 104, key: SET, parts, ...fields });
  }

  log(...batches: number[]): Buffer {
    return Buffer.concat(batches.map((batch) => this.logs[batch]!));
  }
}

describe('a seal in the ledger', () => {
  it('that holds what its slots hold is right', () => {
    const story = new Story();
    story.seal();
    expect(story.found).toEqual([]);
  });

  it('may leave out the batches below the log start, and no others', () => {
    const story = new Story();
    story.push({ kind: 'logStart', time: 105, starts: [{ partition: 0, offset: 1 }] });
    story.seal({}, [story.log(1), story.log(2)]);
    expect(story.found).toEqual([]);
    const other = new Story();
    other.seal({}, [other.log(1), other.log(2)]);
    expect(other.found).toEqual(['altered: slot 5 of t/0, partition 0: the batch at 0 is not in the segment']);
  });

  it.each<[string, (story: Story) => void, string]>([
    ['begins late', (story) => story.seal({ fromSeq: 1 }), 'badControl: slot 5 of t/0 seals 1 to 4'],
    ['covers itself', (story) => story.seal({ toSeq: 5 }), 'badControl: slot 5 of t/0 seals 0 to 5'],
    ['is of another time', (story) => story.seal({ toTime: 103 }), 'badControl: slot 5 of t/0 says that slot 4'],
    ['has no object', (story) => story.seal({ key: 'other' }), 'objectMissing: slot 5 of t/0 names other'],
    ['lacks a partition', (story) => story.seal({ parts: [] }), 'altered: slot 5 of t/0 seals partitions , its'],
    ['lacks a slot', (story) => story.seal({ toSeq: 3, toTime: 103 }), 'altered: slot 5 of t/0 seals partitions 0,1'],
    [
      'has a batch twice',
      (story) => story.seal({}, [story.log(0, 1, 1), story.log(2)]),
      'altered: slot 5 of t/0, partition 0: the segment has more',
    ],
    [
      'has its batches in another order',
      (story) => story.seal({}, [story.log(1, 0), story.log(2)]),
      'altered: slot 5 of t/0, partition 0: the batch at 0',
    ],
  ])('that %s is found', (_, seal, message) => {
    const story = new Story();
    seal(story);
    expect(story.found[0]).toContain(message);
  });

  it('that was there already is found', () => {
    const story = new Story();
    story.seal();
    story.seal();
    expect(story.found).toEqual(['badControl: slot 6 of t/0 seals 0 to 4, the next to seal is 5']);
  });
});

describe('a replacement in the ledger', () => {
  const whole = { partition: 0, baseOffset: 0, nextOffset: 2, maxTimestamp: 1, maxTimestampOffset: 0 };
  const places = {
    log: { start: 0, length: 1 },
    index: { start: 1, length: 0 },
    offsetIndexBytes: 0,
    timeIndexBytes: 0,
  };
  const part = { ...whole, ...places, indexCrc: 0 };
  const counts = { removedSegments: 1, removedBytes: 1 };
  const entry: ReplaceEntry = { kind: 'replace', time: 300, ...whole, key: SET, parts: [part], ...counts };

  it.each<[string, Partial<ReplaceEntry>, string[]]>([
    ['with its offsets is right', {}, []],
    ['without its object is found', { key: 'other' }, ['objectMissing: slot 7 of t/0 names other, which is not there']],
    [
      'with a gap is found',
      { parts: [{ ...part, nextOffset: 1 }] },
      ['badControl: slot 7 of t/0 replaces 0 to 2 of partition 0'],
    ],
    [
      'of what is not sealed is found',
      { nextOffset: 3, parts: [{ ...part, nextOffset: 3 }] },
      ['badControl: slot 7 of t/0 replaces 0 to 3 of partition 0'],
    ],
  ])('%s', (_, fields, found) => {
    const story = new Story();
    story.seal();
    story.records(0, 2, 'inline');
    story.push({ ...entry, ...fields });
    expect(story.found).toEqual(found);
  });
});

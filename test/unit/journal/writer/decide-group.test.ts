import { describe, expect, it } from 'vitest';
import { decideGroup } from '../../../../lib/journal/writer/decide-group.ts';
import { Request } from '../../../../lib/journal/writer/work.ts';
import { Fold } from '../entries.ts';
import { batch, FOREVER, sequenced } from '../world.ts';

const request = (one = batch('a')) => new Request(one, FOREVER, () => {});
const facts = { time: 1_000, isConfirmed: true, isInObject: false };

describe('a group', () => {
  it('is decided batch by batch, each as if those before it were committed', () => {
    const fold = new Fold();
    fold.from(7, 0);
    const group = [sequenced('again', 0), sequenced('next', 1), sequenced('next', 1), sequenced('gap', 9), batch('b')];
    const requests = group.map(request);
    expect(decideGroup(fold.view, requests, facts)).toMatchObject({
      kind: 'append',
      answers: [
        { kind: 'duplicate', baseOffset: 0 },
        { kind: 'appended', baseOffset: 1 },
        { kind: 'duplicate', baseOffset: 1 },
        { kind: 'rejected', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' },
        { kind: 'appended', baseOffset: 2 },
      ],
      batches: [
        { baseOffset: 1, baseSequence: 1 },
        { baseOffset: 2, producerId: -1 },
      ],
      chunks: [group[1]!.bytes, group[4]!.bytes],
    });
    expect(requests.some(({ isAnswered }) => isAnswered)).toBe(false);
    expect(fold.partition().nextOffset).toBe(1);
  });

  it('has its batches one after the other in an entry, and where they were stored in an object', () => {
    const fold = new Fold();
    fold.from(7, 0);
    const requests = [batch('abc'), sequenced('again', 0), batch('d')].map(request);
    for (const [index, one] of requests.entries()) one.position = index * 100;
    const positions = (isInObject: boolean) => {
      const decided = decideGroup(fold.view, requests, { ...facts, isInObject });
      return decided.kind === 'append' ? decided.batches.map(({ position }) => position) : decided.kind;
    };
    expect(positions(false)).toEqual([0, requests[0]!.batch.bytes.length]);
    expect(positions(true)).toEqual([0, 200]);
  });

  it('is refused only on a view that was confirmed for it', () => {
    const fold = new Fold();
    fold.from(7, 0);
    const decide = (isConfirmed: boolean, ...group: Request[]) =>
      decideGroup(fold.view, group, { ...facts, isConfirmed }).kind;
    const refused = request(sequenced('gap', 9));
    const duplicate = request(sequenced('again', 0));
    expect(decide(false, refused)).toBe('confirm');
    expect(decide(false, refused, duplicate)).toBe('confirm');
    expect(decide(true, refused)).toBe('answer');
    // The put of an entry confirms the view for the batches that are refused with it.
    expect(decide(false, refused, request())).toBe('append');
    expect(decide(false, duplicate)).toBe('answer');
  });
});

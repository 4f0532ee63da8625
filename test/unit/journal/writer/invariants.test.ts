import { beforeEach, describe, expect, it } from 'vitest';
import { AssertionError } from '../../../../lib/core/assert.ts';
import type { AppendResult } from '../../../../lib/journal/decide-append.ts';
import { assertFollows, decideGroup, type GroupDecision } from '../../../../lib/journal/writer/decide-group.ts';
import { assertNoneExpired, Group, Request } from '../../../../lib/journal/writer/work.ts';
import { Writer } from '../../../../lib/journal/writer/writer.ts';
import { Fold, meta, recordsEntry } from '../entries.ts';
import { batch, createWorld, FOREVER, type Process, type World } from '../world.ts';

const APPENDED: AppendResult = { kind: 'appended', baseOffset: 0, logStartOffset: 0 };

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
});

/** A writer of its own on the journal, with a decision that `broken` has changed. */
async function writerWith(broken: (decided: Extract<GroupDecision, { kind: 'append' }>) => GroupDecision) {
  const { journal, checkpointer } = await process.open();
  return new Writer(journal, checkpointer, (...given) => {
    const decided = decideGroup(...given);
    return decided.kind === 'append' ? broken(decided) : decided;
  });
}

async function failsWith(appended: Promise<AppendResult>, message: string): Promise<void> {
  expect(await world.run(appended)).toMatchObject({ kind: 'rejected', error: 'KAFKA_STORAGE_ERROR' });
  expect(process.lines.filter(({ event }) => event === 'append_failed')).toMatchObject([
    { level: 'error', message: expect.stringContaining(message) },
  ]);
}

describe('a decision that is broken is noticed by the writer, before anything is written:', () => {
  it.each([
    ['a gap', 1],
    ['an offset that is there already', -1],
  ])('%s', async (_, shift) => {
    const { writer: queue } = await process.open();
    await world.run(queue.append(batch('first'), FOREVER));
    const puts = process.puts.length;
    const writer = await writerWith((decided) => ({
      ...decided,
      batches: decided.batches.map((one) => ({ ...one, baseOffset: one.baseOffset + shift })),
    }));
    await failsWith(writer.append(batch('a'), FOREVER), `offset ${1 + shift} at the end 1 of partition 0`);
    expect(process.puts).toHaveLength(puts);
    expect(writer.idle).toBe(true);
  });

  it('a request that should have been told that it timed out', async () => {
    const { journal, checkpointer } = await process.open();
    const now = world.clock.monotonic();
    const writer = new Writer(journal, checkpointer, (view, requests, facts) => {
      (requests as Request[]).push(new Request(batch('expired'), now, () => {}));
      return decideGroup(view, requests, facts);
    });
    await failsWith(writer.append(batch('a'), FOREVER), `still waits at ${now}`);
    expect(world.entries()).toHaveLength(1);
    expect(writer.idle).toBe(true);
  });
});

it('a decision with an answer too few is noticed when the group is answered', async () => {
  const writer = await writerWith((decided) => ({ ...decided, answers: decided.answers.slice(1) }));
  await failsWith(writer.append(batch('a'), FOREVER), '0 answers for 1 requests');
  expect(writer.idle).toBe(true);
});

describe('the invariant', () => {
  const request = (deadline = 10) => new Request(batch('a'), deadline, () => {});

  it.each([0, 1, 3])('of answers: a group of 2 is not ended with %i', (count) => {
    const requests = [request(), request()];
    const answers = Array.from({ length: count }, () => APPENDED);
    expect(() => new Group(requests).answer(requests, answers)).toThrow(AssertionError);
    expect(requests.map(({ isAnswered }) => isAnswered)).toEqual([false, false]);
  });

  it('of answers: a request has one', () => {
    const one = request();
    one.answer(APPENDED);
    expect(() => one.answer(APPENDED)).toThrow('answered twice');
  });

  it('of deadlines: none has passed while its request waits', () => {
    const [early, late] = [request(10), request(20)];
    assertNoneExpired([early, late], 9);
    expect(() => assertNoneExpired([early, late], 10)).toThrow(AssertionError);
    early.answer({ kind: 'rejected', error: 'REQUEST_TIMED_OUT' });
    assertNoneExpired([early, late], 10);
    expect(() => assertNoneExpired([late], 20)).toThrow('its deadline was 20');
  });

  it('of offsets: an entry goes on where the view ends, in each partition', () => {
    const fold = new Fold();
    fold.records([{ lastOffsetDelta: 4 }, { partition: 1 }]);
    const follows = (seq: number, ...offsets: [partition: number, baseOffset: number][]) =>
      assertFollows(
        fold.view,
        seq,
        recordsEntry(
          fold.time,
          offsets.map(([partition, baseOffset]) => meta({ partition, baseOffset })),
        ),
      );
    follows(2, [0, 5], [1, 1], [0, 6], [2, 0]);
    expect(() => follows(2, [0, 4])).toThrow(AssertionError);
    expect(() => follows(2, [0, 6])).toThrow('offset 6 at the end 5');
    expect(() => follows(2, [0, 5], [0, 5])).toThrow('offset 5 at the end 6');
    expect(() => follows(2, [2, 1])).toThrow('offset 1 at the end 0');
    expect(() => follows(3, [0, 5])).toThrow('slot 3');
    expect(() => follows(1, [0, 5])).toThrow('slot 1');
  });
});

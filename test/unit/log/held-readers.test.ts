import { beforeEach, describe, expect, it } from 'vitest';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import { HeldReaders } from '../../../lib/log/held-readers.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { batch, createWorld, FOREVER, type Process, type World } from '../journal/world.ts';

const NEVER = Number.POSITIVE_INFINITY;

let world: World;
let process: Process;
let open: OpenJournal;
let looks: number[];
/** When the time-out passes, by the store's time. */
let timesOutAt: number | undefined;
let held: HeldReaders;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  open = await process.open();
  looks = [];
  timesOutAt = world.clock.now() + 60_000;
  const meetProducer = async (producerId: number) => {
    looks.push(producerId);
    return timesOutAt;
  };
  held = new HeldReaders({ meetProducer }, world.clock);
});

async function transact(producerId: number, partition = 0): Promise<void> {
  const of = { partition, producerId, producerEpoch: 0, baseSequence: 0, transactional: true };
  await world.run(open.writer.append({ ...batch('in'), ...of, joinTransaction: async () => undefined }, FOREVER));
}

const reader = (offset: number, partition = 0) => ({ open, partition, offset, maxBytes: 1e6, currentLeaderEpoch: -1 });
const notice = (offset = 0) => held.notice([reader(offset)]);
const later = (ms: number) => world.clock.advance(ms);

describe('a reader that nothing holds up', () => {
  it('is not looked after', async () => {
    expect(notice()).toBe(NEVER);
    await world.run(open.writer.append(batch('plain'), FOREVER));
    await transact(7);
    await later(60_000);
    // It reads below the transaction, and a partition that does not exist.
    expect(held.notice([reader(0), reader(0, 5)])).toBe(NEVER);
    expect(looks).toEqual([]);
  });
});

describe('a reader behind an open transaction', () => {
  it('has it looked at after five seconds, and then every ten', async () => {
    await transact(7);
    expect(notice()).toBe(5_000);
    await later(4_999);
    expect(notice()).toBe(1);
    expect(looks).toEqual([]);
    await later(1);
    expect(notice()).toBe(10_000);
    expect(looks).toEqual([7]);
    for (let second = 0; second < 40; second++) {
      await later(1_000);
      notice();
    }
    expect(looks).toHaveLength(5);
  });

  it('has it looked at at once if nothing was appended for so long', async () => {
    await transact(7);
    await later(3_000);
    expect(notice()).toBe(2_000);
    await later(60_000);
    held = new HeldReaders({ meetProducer: async (id) => void looks.push(id) }, world.clock);
    expect(notice()).toBe(10_000);
    expect(looks).toEqual([7]);
  });

  it('has it looked at just after its time-out, if that comes sooner', async () => {
    await transact(7);
    notice();
    await later(5_000);
    timesOutAt = world.clock.now() + 3_000;
    notice();
    await later(0);
    expect(notice()).toBe(3_001);
    timesOutAt = world.clock.now() + 3_000;
    await later(3_001);
    notice();
    expect(looks).toHaveLength(2);
    // Past already: not more than once a second.
    timesOutAt = world.clock.now() - 1;
    await later(10_000);
    notice();
    expect(await world.run(held.lookedIn([reader(0)]))).toBe(1_000);
  });

  it('learns when to ask again after the look in progress', async () => {
    await transact(7);
    notice();
    await later(5_000);
    let answer = (_: number) => {};
    held = new HeldReaders({ meetProducer: () => new Promise((resolve) => (answer = resolve)) }, world.clock);
    notice();
    const lookedIn = held.lookedIn([reader(0)]);
    answer(world.clock.now() + 2_000);
    expect(await world.run(lookedIn)).toBe(2_001);
  });

  it('is held up anew by the next transaction', async () => {
    await transact(7);
    await transact(8);
    notice();
    await later(5_000);
    notice();
    const end = { producerId: 7, producerEpoch: 1, commit: true } as const;
    const { markersEntry } = await import('../../../lib/transactions/write-markers.ts');
    await world.run(
      open.writer.appendEntry(
        (view, time) => markersEntry(view, { ...end, protocol: 2, partitions: [0] }, time),
        FOREVER,
      ),
    );
    expect(notice(1)).toBe(5_000);
    await later(5_000);
    notice(1);
    expect(looks).toEqual([7, 8]);
  });

  it('shares the look with the readers of other partitions', async () => {
    await transact(7);
    await transact(7, 1);
    const both = [reader(0), reader(0, 1)];
    held.notice(both);
    await later(5_000);
    held.notice(both);
    expect(looks).toEqual([7]);
  });

  it('goes on if a look fails, and the next one tries again', async () => {
    await transact(7);
    const meetProducer = async () => {
      looks.push(7);
      throw new StoreUnavailableError('throttled');
    };
    held = new HeldReaders({ meetProducer }, world.clock);
    notice();
    await later(5_000);
    notice();
    expect(await world.run(held.lookedIn([reader(0)]))).toBe(10_000);
    await later(10_000);
    notice();
    expect(looks).toEqual([7, 7]);
    expect(process.lines[0]).toMatchObject({ level: 'warn', event: 'transaction_not_met' });
  });
});

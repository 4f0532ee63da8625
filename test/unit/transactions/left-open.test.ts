import { beforeEach, describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { endLeftOpen } from '../../../lib/transactions/left-open.ts';
import { writeMarkers } from '../../../lib/transactions/write-markers.ts';
import { batch, createWorld, FOREVER, HOUR, JOURNAL, type Process, type World } from '../journal/world.ts';

let world: World;
let process: Process;
let open: OpenJournal;
let met: number[];

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  open = await process.open();
  met = [];
});

async function transact(producerId: number, partition = 0): Promise<void> {
  const of = { partition, producerId, producerEpoch: 0, baseSequence: 0, transactional: true };
  await world.run(open.writer.append({ ...batch('in'), ...of, joinTransaction: async () => undefined }, FOREVER));
}

const now = () => world.clock.now();

function look(meetProducer: (producerId: number) => Promise<number | undefined>) {
  const noted = (producerId: number) => {
    met.push(producerId);
    return meetProducer(producerId);
  };
  return world.run(endLeftOpen({ meetProducer: noted }, open.journal));
}

const abort = async (producerId: number) => {
  const of = { producerId, producerEpoch: 1, commit: false, protocol: 2, deadline: FOREVER } as const;
  await writeMarkers(process.journals, { journal: JOURNAL, partitions: [0, 1], ...of });
  return undefined;
};

describe('the transactions that are open in a journal', () => {
  it('cost nothing while there are none', async () => {
    process.calls.length = 0;
    expect(await look(abort)).toEqual({ next: undefined, ended: 0 });
    expect([met, process.calls]).toEqual([[], []]);
  });

  it('are each met once, however many partitions they are in', async () => {
    await transact(1);
    await transact(1, 1);
    await transact(2, 1);
    expect(await look(abort)).toEqual({ next: undefined, ended: 2 });
    expect(met.sort()).toEqual([1, 2]);
  });

  it('are looked at again when the first of them times out', async () => {
    for (const producerId of [1, 2, 3]) await transact(producerId);
    const ends = new Map([
      [1, now() + 9_000],
      [2, now() + 4_000],
    ]);
    expect(await look(async (id) => ends.get(id))).toEqual({ next: now() + 4_001, ended: 0 });
  });

  it('are looked at after a pause if they could not be finished', async () => {
    await transact(1);
    expect(await look(async () => now() - 1)).toEqual({ next: now() + 10_000, ended: 0 });
  });

  it('do not hold up other work if an item cannot be read', async () => {
    await transact(1);
    await transact(2);
    const outcome = await look(async (producerId) => {
      if (producerId === 1) throw new MalformedBytesError('format 9');
      return abort(producerId);
    });
    expect(outcome).toEqual({ next: now() + HOUR, ended: 1 });
    expect(process.lines).toMatchObject([{ level: 'warn', event: 'transaction_not_met', message: 'format 9' }]);
  });

  it('fail with the store', async () => {
    await transact(1);
    const failing = look(async () => {
      throw new StoreUnavailableError('no answer');
    });
    await expect(failing).rejects.toThrow(StoreUnavailableError);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import type { Failure } from '../../../lib/core/errors.ts';
import type { BatchToAppend } from '../../../lib/journal/decide-append.ts';
import { batch, createWorld, FOREVER, type Process, sequenced, type World } from './world.ts';

let world: World;
let process: Process;
let other: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  other = world.process();
});

const leader = (_: unknown, time: number) => ({ kind: 'leaderChange', time, leaderEpoch: 1, leader: 1 }) as const;

/** The first batch of a transaction, whose coordinator answers by `join`. */
const first = (join: BatchToAppend['joinTransaction']) =>
  sequenced('first', 0, { transactional: true, joinTransaction: join });

describe('the first batch of a transaction (rules R6 and R14)', () => {
  it('is appended once the coordinator says that the transaction is open; the next ones ask nobody', async () => {
    const { writer } = await process.open();
    let asked = 0;
    const join = async () => {
      asked += 1;
      return undefined;
    };
    const results = [writer.append(first(join), FOREVER), writer.append(batch('plain'), FOREVER)];
    expect(await world.run(Promise.all(results))).toMatchObject([{ baseOffset: 0 }, { baseOffset: 1 }]);
    const next = sequenced('next', 1, { transactional: true, joinTransaction: join });
    expect(await world.run(writer.append(next, FOREVER))).toMatchObject({ kind: 'appended', baseOffset: 2 });
    expect(asked).toBe(1);
  });

  it('is refused with what the coordinator says, and the others of its group are appended', async () => {
    const { writer } = await process.open();
    const refused = writer.append(
      first(async () => ({ error: 'INVALID_TXN_STATE' })),
      FOREVER,
    );
    const plain = writer.append(batch('plain'), FOREVER);
    expect(await world.run(refused)).toMatchObject({ kind: 'rejected', error: 'INVALID_TXN_STATE' });
    expect(await world.run(plain)).toMatchObject({ kind: 'appended', baseOffset: 0 });
  });

  it('asks again if another writer was first', async () => {
    const { writer } = await process.open();
    const others = await other.open();
    const answers: (Failure | undefined)[] = [undefined, { error: 'INVALID_PRODUCER_EPOCH' }];
    const join = async () => {
      // The slot is lost after the answer.
      if (answers.length === 2) await others.writer.append(batch('other'), FOREVER);
      return answers.shift();
    };
    expect(await world.run(writer.append(first(join), FOREVER))).toMatchObject({ error: 'INVALID_PRODUCER_EPOCH' });
    expect(answers).toEqual([]);
  });

  it('asks again if a reader of this process has moved the view on meanwhile', async () => {
    const { writer, journal } = await process.open();
    const others = await other.open();
    let asked = 0;
    const join = async () => {
      asked += 1;
      if (asked === 1) {
        await others.writer.append(batch('other'), FOREVER);
        await journal.catchUp(false);
      }
      return asked === 1 ? undefined : ({ error: 'INVALID_PRODUCER_EPOCH' } as const);
    };
    expect(await world.run(writer.append(first(join), FOREVER))).toMatchObject({ error: 'INVALID_PRODUCER_EPOCH' });
    expect(asked).toBe(2);
  });
});

describe('a control entry that depends on something else', () => {
  it('is asked for at each attempt, and not written once it is not due', async () => {
    const { writer } = await process.open();
    const others = await other.open();
    let asked = 0;
    const isDue = async () => {
      asked += 1;
      if (asked === 1) await others.writer.append(batch('other'), FOREVER);
      return asked === 1;
    };
    expect(await world.run(writer.appendEntry(leader, FOREVER, { isDue }))).toBe('nothing');
    expect(asked).toBe(2);
    expect(await world.run(writer.appendEntry(leader, FOREVER, { isDue: async () => true }))).toBe('written');
  });
});

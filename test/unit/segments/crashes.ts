import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { createWorld, MINUTE, type Process, type World } from '../journal/world.ts';

/** How the last call of a process that dies ends. */
const DEATHS: Readonly<Record<string, (call: StoreCall) => Fault>> = {
  'the call does not happen': () => ({ refuse: 'unavailable' }),
  'the call happens': () => ({ loseAnswer: true }),
  'a write lands minutes later': ({ operation }) =>
    operation === 'put' || operation === 'delete' ? { landAfterMs: 5 * MINUTE } : { loseAnswer: true },
};

export interface Crash {
  readonly world: World;
  readonly how: string;
}

export interface Crashing {
  readonly prepare: (world: World, process: Process) => Promise<unknown>;
  /** Ends early with a process that dies at its n-th call, and completes with one that does not. */
  readonly work: (world: World, process: Process) => Promise<unknown>;
  /** Right after the crash. */
  readonly afterCrash: (crash: Crash) => Promise<void>;
  /** After another process has done the work, and once more when all delayed writes have landed. */
  readonly afterRepair: (crash: Crash) => Promise<void>;
}

/** Kills a process at each of its calls, in each way, and lets another one repeat the work. Returns the crashes. */
export async function crashAtEachCall({ prepare, work, afterCrash, afterRepair }: Crashing): Promise<number> {
  let crashes = 0;
  for (const [death, faultOf] of Object.entries(DEATHS)) {
    for (let lived = 0; ; lived++) {
      const world = await createWorld();
      await prepare(world, world.process());
      const dying = world.process();
      let calls = 0;
      dying.faults = (call) => {
        calls++;
        if (calls === lived + 1) return faultOf(call);
        return calls > lived ? { refuse: 'unavailable' } : undefined;
      };
      const survived = await work(world, dying).then(
        () => calls <= lived,
        () => false,
      );
      if (survived) break;
      crashes++;
      const crash = { world, how: `${death}, after ${lived} calls` };
      await afterCrash(crash);
      await work(world, world.process());
      await afterRepair(crash);
      await world.clock.advance(6 * MINUTE);
      await afterRepair(crash);
    }
  }
  return crashes;
}

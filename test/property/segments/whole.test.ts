import fc from 'fast-check';
import { it } from 'vitest';
import { scaled } from '../../support/machine.ts';
import { runs } from '../../support/runs.ts';
import { check, checkEveryOffset, checkRest } from './whole/checks.ts';
import { DAY_MS, type Step, step } from './whole/steps.ts';
import { WholeLog } from './whole/whole-log.ts';

/** Days until every grace is over: an import that might have been given up is looked at after a week. */
const DAYS = 9;

/**
 * The same runs each time, so that a failure comes from a change. Others by hand:
 * `TIDELOG_WHOLE_SEED=$RANDOM TIDELOG_ALL_RUNS=1 npx vitest run whole.test.ts`.
 */
const SEED = Number(process.env.TIDELOG_WHOLE_SEED ?? 1);

/** A replacement whose entry stays unsealed, of segments that end right after it. */
const REPLACED_AND_ENDED: Step[] = [
  { do: 'produce', batches: [{ place: 'latest-0', keys: ['a'], size: 1, codec: 0, age: 0 }] },
  { do: 'seal', place: 'latest-0', sealBytes: 1e6 },
  { do: 'wait', ms: DAY_MS },
  { do: 'sweep' },
  { do: 'compact', place: 'latest-0', keysMax: 3, objectBytes: 1 },
  { do: 'retain', place: 'latest-0', retentionMs: -1, retentionBytes: 0 },
];

/** Does the steps one after the other; what a failure reports is all that was done, line by line. */
async function play(steps: readonly Step[]): Promise<void> {
  const log = new WholeLog();
  const done: string[] = [];
  try {
    await log.start();
    for (const [at, one] of steps.entries()) {
      done.push(`${at + 1}. ${JSON.stringify(one)}`);
      done[at] += ` -> ${await log.do(one)}`;
      await check(log, at, one.do === 'compact');
    }
    await checkEveryOffset(log);
    for (let day = 0; day < DAYS; day++) {
      await log.world.clock.advance(DAY_MS);
      done.push(`day ${day}: ${await log.do({ do: 'sweep' })}, ${await log.do({ do: 'collect' })}`);
    }
    await check(log, steps.length, false);
    await checkEveryOffset(log);
    checkRest(log);
  } catch (error) {
    const { message, stack } = error as Error;
    throw new Error(`${message}\n${done.join('\n')}`, { cause: stack });
  }
}

it('a log reads like a list in memory, whatever happens to its history', { timeout: scaled(180_000) }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), play), {
    numRuns: runs(100),
    seed: SEED,
    examples: [[REPLACED_AND_ENDED]],
  });
});

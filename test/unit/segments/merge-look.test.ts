import { expect, it } from 'vitest';
import { mergeCandidates, mergeWhatIsDue } from '../../../lib/segments/merge-look.ts';
import { MERGE_SEGMENTS_MIN } from '../../../lib/segments/merge-plan.ts';
import { sealJournal } from '../../../lib/segments/seal.ts';
import { createWorld, FOREVER } from '../journal/world.ts';
import { append, realBatch, sealedContent, startSealer } from './seal-world.ts';

const LIMITS = { mergeBytes: 1024 * 1024 };
const SEALS = 60;

it('a partition that is sealed again and again keeps a few segments, for a few looks', {
  timeout: 30_000,
}, async () => {
  const world = await createWorld();
  const sealer = await startSealer(world);
  const { env, open, process } = sealer;
  let merged = 0;
  let queries = 0;
  for (let count = 0; count < SEALS; count++) {
    await append(world, sealer, realBatch([`value ${count}`]));
    await world.run(sealJournal(env, open, { sealBytes: 1, sealMs: 1 }, FOREVER, true));
    process.calls.length = 0;
    const counts = await world.run(mergeWhatIsDue(env, open, LIMITS, FOREVER));
    merged += counts.merged;
    if (counts.merged === 0 && process.calls.length > 0) queries += 1;
  }
  expect(merged).toBeGreaterThan(1);
  expect(open.journal.view.partitions.get(0)!.segments).toBeLessThan(5 * MERGE_SEGMENTS_MIN);
  expect(merged + queries).toBeLessThan(SEALS / 2);
  expect((await sealedContent(world, sealer, 0)).size).toBe(SEALS);
});

it('only the partitions of the newest seal are looked at, and those with enough segments', async () => {
  const world = await createWorld();
  const sealer = await startSealer(world);
  const seal = () => world.run(sealJournal(sealer.env, sealer.open, { sealBytes: 1, sealMs: 1 }, FOREVER, true));
  const { journal } = sealer.open;
  expect(mergeCandidates(journal.view)).toEqual([]);
  for (let count = 0; count < MERGE_SEGMENTS_MIN; count++) {
    await append(world, sealer, realBatch(['a']));
    await seal();
  }
  expect(mergeCandidates(journal.view)).toEqual([]);
  await append(world, sealer, realBatch(['a']), realBatch(['x'], { partition: 1 }));
  await seal();
  const candidates = mergeCandidates(journal.view);
  expect(candidates).toEqual([0]);
  await append(world, sealer, realBatch(['x'], { partition: 1 }));
  await seal();
  expect(mergeCandidates(journal.view)).toEqual([]);
  expect(await world.run(mergeWhatIsDue(sealer.env, sealer.open, LIMITS, FOREVER))).toEqual({
    merged: 0,
    mergedSegments: 0,
  });
});

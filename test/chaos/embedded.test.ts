import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { openEmbeddedStores } from '../../lib/storage/embedded/embedded-stores.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { Gateway } from './gateway.ts';
import { CHAOS_SECONDS, CHAOS_SEED, REST_MS, tell } from './options.ts';
import { Problems, type ProducerPlan, runChaos } from './run.ts';

const PARTITIONS = 3;
const TROUBLED_MS = (CHAOS_SECONDS * 1000) / 3;

/** What does not go into an entry, and so into a file of its own. */
const LARGE_BYTES = [361_000, 600_000] as const;

const PRODUCERS: readonly ProducerPlan[] = [
  { kind: 'pipelined', idempotent: true, partition: 0, pauseMsMax: 4 },
  { kind: 'kafkajs', idempotent: true, partition: 0, pauseMsMax: 30 },
  { kind: 'single', idempotent: false, partition: 1, pauseMsMax: 20 },
  { kind: 'pipelined', idempotent: true, partition: 1, pauseMsMax: 15 },
  { kind: 'kafkajs', idempotent: false, partition: 2, pauseMsMax: 30 },
  { kind: 'platformatic', idempotent: true, partition: 2, pauseMsMax: 30 },
];

const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

describe(`one gateway over the embedded store (TIDELOG_CHAOS_SEED=${CHAOS_SEED})`, () => {
  it('loses, doubles and reorders nothing, and takes nothing back that was read, while it is killed and cut off', {
    timeout: TROUBLED_MS + REST_MS,
  }, async () => {
    tell(`chaos with one gateway: TIDELOG_CHAOS_SEED=${CHAOS_SEED} TIDELOG_CHAOS_SECONDS=${CHAOS_SECONDS}`);
    const problems = new Problems();
    const folder = temporaryFolder();
    closing.push(() => folder.remove());
    const gateway = await Gateway.prepare({
      name: 'the gateway',
      flags: ['--data-dir', folder.path],
      environment: {},
      report: problems.report,
    });
    closing.push(() => gateway.close());
    const stores = await openEmbeddedStores({ path: folder.path, clock: systemClock, random: systemRandom });
    closing.push(() => stores.close());
    const result = await runChaos(
      { gateways: [gateway], storeProxies: [], stores, conflicts: () => undefined },
      {
        seed: CHAOS_SEED,
        partitions: PARTITIONS,
        journals: 2,
        producers: PRODUCERS,
        largeBytes: LARGE_BYTES,
        readers: { raw: 2, kafkajs: 1 },
        plan: {
          troubledMs: TROUBLED_MS,
          longFreezeMs: 0,
          freezes: false,
          downMs: [0, 1_000],
          restMs: [200, 2_500],
          clientCutMs: [10, 250],
          storeCutMs: [0, 0],
        },
      },
      problems,
    );
    tell(`chaos with one gateway, seed ${CHAOS_SEED}: ${result.summary}`);
    if (problems.found.length > 0) tell(result.monkey.diary.join('\n'));
    expect(problems.found, `TIDELOG_CHAOS_SEED=${CHAOS_SEED}`).toEqual([]);
    expect(result.idle, 'producers without a record').toEqual([]);
    expect(result.monkey.kills).toBeGreaterThan(0);
    expect(result.monkey.resets).toBeGreaterThan(0);
  });
});

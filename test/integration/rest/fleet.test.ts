import { expect, it } from 'vitest';
import { systemRandom } from '../../../lib/core/random.ts';
import { allRoutes } from '../../../lib/rest/routes.ts';
import { composeRest, roomsForRest } from '../../../lib/run/compose-rest.ts';
import { CLUSTER_ID, type Engine } from '../../support/engine.ts';
import { HEARTBEAT_MS, TestFleet } from '../../support/fleet.ts';
import { settingsOf } from '../../support/settings.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

it('any gateway of a fleet takes and gives records of any partition', async () => {
  const clock = new VirtualClock();
  const fleet = new TestFleet(clock);
  const engines = [await fleet.start('a'), await fleet.start('b')];
  await clock.advance(HEARTBEAT_MS);
  const test = async () => {
    const settings = settingsOf({ 'tidelog.store': 'memory', 'tidelog.fleet': 'true' });
    const handlers = engines.map((engine: Engine) => {
      const { stores } = engine.broker.admin.journals.env;
      const { logger, authorize } = engine.broker;
      const options = {
        stores,
        clock,
        random: systemRandom,
        logger,
        settings,
        authorize,
        advertised: () => ({ host: 'h', port: 1 }),
      };
      return composeRest(options, roomsForRest(options, engine), allRoutes);
    });
    const signal = new AbortController().signal;
    const caller = { principal: 'User:ANONYMOUS' as const, host: '', deadline: Number.POSITIVE_INFINITY, signal };
    const send = async (at: number, path: string, body?: unknown) => {
      const request = new Request(`http://rest${path}`, {
        ...(body === undefined
          ? {}
          : { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      });
      return JSON.parse(await (await handlers[at]!(request, caller)).text());
    };
    const v3 = `/v3/clusters/${CLUSTER_ID}`;
    const configs = [{ name: 'tidelog.journals', value: '8' }];
    await send(0, `${v3}/topics`, { topic_name: 't', partitions_count: 8, configs });
    for (let partition = 0; partition < 8; partition++) {
      for (const at of [0, 1]) {
        const record = { partition_id: partition, value: { type: 'STRING', data: 'x' } };
        expect(await send(at, `${v3}/topics/t/records`, record)).toMatchObject({ error_code: 200, offset: at });
      }
    }
    const leaders = new Set<string>();
    for (let partition = 0; partition < 8; partition++) {
      leaders.add((await send(0, `${v3}/topics/t/partitions/${partition}`)).leader.related.split('/').at(-1));
    }
    expect(leaders.size).toBe(2);
    for (const engine of engines) await engine.close();
  };
  let isDone = false;
  const done = test().finally(() => {
    isDone = true;
  });
  await clock.runUntil(() => isDone);
  await done;
});

import { ApiKey } from '../../../lib/wire/apis.ts';
import { ANSWER_TIMEOUT_MS, Caller } from '../caller.ts';
import type { Cluster } from '../cluster.ts';
import type { SimTopic } from '../topics.ts';
import { askMetadata, Router } from './router.ts';

/** After a session and a few heartbeats everybody knows who is there; ms. */
const CALM_MS = 20_000;

const FETCH_VERSION = 12;

/** Once all is calm every partition can be read from its leader, and all gateways that run name it, and its epoch, alike. */
export async function agreeOnLeaders(cluster: Cluster, topics: readonly SimTopic[]): Promise<void> {
  const caller = new Caller(cluster, 'agreement');
  const { clock } = cluster.world;
  for (;;) {
    const since = clock.monotonic();
    await caller.sleep(CALM_MS);
    for (const topic of topics) await readFromLeaders(caller, topic);
    const problems = await differences(caller, topics);
    // Who wakes up only now has to find its place first.
    if (cluster.thawedSince(since)) continue;
    for (const problem of problems) cluster.world.report('leaderless', problem);
    return;
  }
}

async function differences(caller: Caller, topics: readonly SimTopic[]): Promise<string[]> {
  const { cluster } = caller;
  const problems: string[] = [];
  const running = cluster.gateways.filter(({ process }) => process.state === 'up');
  const names = new Set(running.map(({ name }) => name));
  for (const topic of topics) {
    let agreed: string | undefined;
    for (const gateway of running) {
      const places = await askMetadata(caller, topic, gateway);
      const told = (places ?? []).map(({ partition, host, epoch }) => `${partition}: ${host ?? 'nobody'} (${epoch})`);
      const gone = places?.find(({ host }) => host === undefined || !names.has(host));
      const where = `${gateway.name} names as leaders of ${topic.name} ${told.join(', ')}`;
      if (places === undefined || gone !== undefined) problems.push(where);
      agreed ??= told.join(', ');
      if (agreed !== told.join(', ')) problems.push(`${where}; others: ${agreed}`);
    }
  }
  return problems;
}

async function readFromLeaders(caller: Caller, topic: SimTopic): Promise<void> {
  const router = new Router(caller, topic);
  for (let partition = 0; partition < topic.partitions; ) {
    await router.refresh();
    const asked = { partition, currentLeaderEpoch: -1, fetchOffset: 0, partitionMaxBytes: 100 };
    const answer = await router.connectionTo(partition)?.ask(
      ApiKey.Fetch,
      FETCH_VERSION,
      {
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes: 100,
        isolationLevel: 0,
        topics: [{ topic: topic.name, partitions: [asked] }],
        forgottenTopicsData: [],
      },
      ANSWER_TIMEOUT_MS,
    );
    const told = answer === undefined || answer === 'closed' ? undefined : answer.responses[0]?.partitions[0];
    if (told?.errorCode === 0) partition++;
    else await caller.pause();
  }
}

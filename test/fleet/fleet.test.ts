import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { journalId } from '../../lib/storage/items/journal-entry.ts';
import type { Gateway } from '../chaos/gateway.ts';
import { LibraryProducer } from '../chaos/library-producer.ts';
import { Problems } from '../chaos/run.ts';
import { kafkajsSender, platformaticSender } from '../chaos/senders.ts';
import { Sent } from '../chaos/sent.ts';
import { SlotWatch } from '../chaos/stored-journals.ts';
import { between, seeded } from '../crash/seeded.ts';
import { dynamoDbLocalMissing } from '../support/dynamodb-local.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { createTopic, listOffset, type TopicName } from '../support/requests.ts';
import { have } from '../support/tools.ts';
import { checkEpochEnds, checkStored } from './checks.ts';
import { Gaps } from './gaps.ts';
import { KafkajsGroupReader, PlatformaticGroupReader, Shown } from './group-reader.ts';
import { NOT_LEADER, Prober } from './prober.ts';
import { type FleetStage, openFleet, SESSION_MS } from './stage.ts';

const SEED = Number(process.env.TIDELOG_FLEET_SEED ?? Date.now() % 1_000_000);
/** So often a gateway ends, in order or not. */
const ENDS = 30;
const FREEZES = 3;
const FREEZE_MS = 2 * SESSION_MS;
const PARTITIONS = 3;
const JOURNALS = 3;
const DOWN_MS = [0, 500] as const;
const UP_MS = [400, 1_200] as const;
const SETTLE_MS = scaled(40_000);
const LATEST = -1;
/** A leader that is killed is believed to be there for a session; then clients have to find the next one. */
const GAP_MAX_MS = SESSION_MS + 12_000;

const present = have('Java 17', dynamoDbLocalMissing() === undefined, 'Install it to run DynamoDB Local.');
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

describe.skipIf(!present)(`three gateways of a fleet (TIDELOG_FLEET_SEED=${SEED})`, () => {
  it('keep their promises through rolling restarts, kills and stops', { timeout: scaled(600_000) }, async () => {
    const problems = new Problems();
    const { report } = problems;
    const random = seeded(SEED);
    const own = () => seeded(between(random, 0, 2 ** 31));
    const stage = await openFleet(report, closing, SEED % 2 === 0);
    const { gateways, sidecar, stores } = stage;
    await Promise.all([...gateways, sidecar].map((gateway) => gateway.start()));
    const first = await TcpClient.connect(gateways[0]!.address);
    const configs = { 'tidelog.journals': String(JOURNALS) };
    const topic = await createTopic(first, 'fleet', { partitions: PARTITIONS, configs });
    first.close();

    const witness = new Gaps(PARTITIONS, report);
    const addresses = gateways.map(({ address }) => address);
    const brokers = addresses.map(({ host, port }) => `${host}:${port}`);
    const prober = new Prober({ topic, partitions: PARTITIONS, addresses, witness, random: own(), report });
    const producers = Array.from({ length: 2 * PARTITIONS }, (_, index) => {
      const partition = index % PARTITIONS;
      const isKafkajs = index < PARTITIONS;
      const producer = `${isKafkajs ? 'kafkajs' : 'platformatic'}-${partition}`;
      const sent = new Sent({ producer, partition, idempotent: true, witness, largeBytes: [6_000, 9_000] });
      const options = { clientId: producer, brokers, topic: topic.name, idempotent: true, requestTimeoutMs: 4_000 };
      const makeSender = () => (isKafkajs ? kafkajsSender(options) : platformaticSender(options));
      return new LibraryProducer({ sent, makeSender, pauseMsMax: 60, random: own(), report, isPatient: true });
    });
    const shown = new Shown(PARTITIONS, report);
    const reading = { brokers, topic: topic.name, partitions: PARTITIONS, shown, report };
    const readers = [
      new KafkajsGroupReader({ ...reading, name: 'kafkajs' }),
      new PlatformaticGroupReader({ ...reading, name: 'platformatic' }),
    ];
    await Promise.all(readers.map((reader) => reader.start()));
    let isOver = false;
    const journals = Array.from({ length: JOURNALS }, (_, index) => journalId(topic.id, index));
    const watch = new SlotWatch(stores, journals, report);
    const work = producers.map((producer) => producer.run());
    const probing = prober.run(() => isOver);
    const looking = (async () => {
      for (; !isOver; await wait(1_000)) await watch.look();
    })();

    const startedAt = performance.now();
    const did = await disturb(stage, prober, own(), report);
    const troubledMs = performance.now() - startedAt;

    for (const producer of producers) producer.stop();
    const late = wait(SETTLE_MS, 'late' as const, { ref: false });
    if ((await Promise.race([Promise.all(work), late])) === 'late') report('stuck', 'producers are not done');
    for (const producer of producers) producer.abandon();
    isOver = true;
    await Promise.all([probing, looking]);
    await readersDone(readers, await endsOf(sidecar, topic), report);
    // What they ask for may take a journal over: from here on everything stays as it is.
    await Promise.all(readers.map((reader) => reader.stop()));
    const probes = prober.sents;
    const sents = { producers: producers.map(({ sent }) => sent), probes };
    const stored = await checkStored(
      stage,
      topic,
      { partitions: PARTITIONS, journals: JOURNALS },
      sents,
      report,
      watch,
    );
    for (const one of prober.acknowledged) {
      const reign = stored.reignAt(one.partition, one.offset);
      if (reign?.leader === one.nodeId) continue;
      report(
        'foreignEpoch',
        `node ${one.nodeId} acknowledged ${one.offset} of ${one.partition} under ${JSON.stringify(reign)}`,
      );
    }
    const asked = await checkEpochEnds(prober, topic, PARTITIONS, stored, report);

    const acknowledged = [...sents.producers, ...probes].reduce((sum, sent) => sum + sent.acknowledged.size, 0);
    const { fenced, unknown, moved } = prober.epochAnswers;
    tell(
      [
        `fleet, seed ${SEED}: ${did.restarts} restarts, ${did.kills} kills, ${did.freezes} stops of ${FREEZE_MS / 1000} s in ${(troubledMs / 1000).toFixed(0)} s`,
        `${acknowledged} records acknowledged`,
        `no acknowledgement for ${(witness.longestSilenceMs / 1000).toFixed(1)} s at most, in one partition ${(witness.longestGapMs / 1000).toFixed(1)} s`,
        `${stored.takeovers} takeovers, ${stored.entries} entries`,
        `probes: ${prober.acknowledged.length} acknowledged, ${prober.redirected} sent elsewhere`,
        `epochs: ${fenced} fenced, ${unknown} unknown, ${moved} elsewhere, ${asked} ends asked for`,
        `thawed leaders: ${did.thawed.join(', ')}`,
        `readers begun anew: ${readers.map(({ options, restarts, causes }) => `${options.name} ${restarts} ${JSON.stringify([...causes])}`).join(', ')}`,
      ].join('; '),
    );
    expect(problems.found, `TIDELOG_FLEET_SEED=${SEED}`).toEqual([]);
    expect(did.restarts + did.kills).toBe(ENDS);
    for (const { sent } of producers) expect(sent.acknowledged.size, sent.producer).toBeGreaterThan(0);
    expect(stored.takeovers).toBeGreaterThan(ENDS / 2);
    expect(fenced).toBeGreaterThan(0);
    expect(unknown).toBeGreaterThan(0);
    expect(asked).toBeGreaterThan(PARTITIONS);
    expect(witness.longestGapMs).toBeLessThan(GAP_MAX_MS);
  });
});

/** Ends gateways one after the other, in order or not, and stops a few for longer than their session. */
async function disturb({ gateways }: FleetStage, prober: Prober, random: () => number, report: Problems['report']) {
  const did = { restarts: 0, kills: 0, freezes: 0, thawed: [] as string[] };
  for (let turn = 0; turn < ENDS; turn++) {
    const gateway = gateways[turn % gateways.length]!;
    // The first of each kind is given, so that a run has both.
    if (turn % 2 === 0 ? random() < 0.8 : random() < 0.2) {
      did.kills++;
      await gateway.kill();
    } else {
      did.restarts++;
      if (!(await gateway.stop())) report('exception', `${gateway.name} did not end in order`);
    }
    await wait(between(random, ...DOWN_MS));
    await gateway.start();
    await wait(between(random, ...UP_MS));
    if ((turn + 1) % (ENDS / FREEZES) !== 0) continue;
    tell(`fleet, seed ${SEED}: ${turn + 1} of ${ENDS} ends`);
    did.freezes++;
    did.thawed.push(await freeze(gateways, prober));
  }
  return did;
}

/** Stops the leader of a partition with a request in its socket, and tells what it answers when it goes on. */
async function freeze(gateways: readonly Gateway[], prober: Prober): Promise<string> {
  const lead = await prober.leaderOf(0);
  const gateway = gateways.find(({ address }) => address.port === lead?.address.port);
  if (lead === undefined || gateway === undefined) return 'nobody there';
  const client = await TcpClient.connect(lead.address);
  await prober.append(client, lead, 0);
  gateway.freeze();
  const answer = prober.append(client, lead, 0, FREEZE_MS + SETTLE_MS).catch(() => undefined);
  await wait(FREEZE_MS);
  gateway.thaw();
  const code = await answer;
  client.raw.reset();
  return code === NOT_LEADER ? 'fenced' : code === 0 ? 'led again' : `${code ?? 'closed'}`;
}

async function endsOf(sidecar: Gateway, topic: TopicName): Promise<number[]> {
  const client = await TcpClient.connect(sidecar.address);
  const ends: number[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    ends.push((await listOffset(client, topic, LATEST, { partition })).offset);
  }
  client.close();
  return ends;
}

async function readersDone(
  readers: readonly (KafkajsGroupReader | PlatformaticGroupReader)[],
  ends: readonly number[],
  report: Problems['report'],
): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  const isDone = () => readers.every((reader) => reader.ends.every((end, partition) => end >= ends[partition]!));
  while (!isDone() && performance.now() < deadline) await wait(200);
  for (const { options, ends: read } of readers) {
    if (read.some((end, partition) => end < ends[partition]!)) {
      report('stuck', `${options.name} has read up to ${read.join(', ')} of ${ends.join(', ')}`);
    }
  }
}

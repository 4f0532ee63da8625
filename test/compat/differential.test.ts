import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVED } from '../../lib/broker/served.ts';
import { apis } from '../../lib/wire/apis.ts';
import { javaMissing } from '../support/java-program.ts';
import { KAFKA_CLUSTER_ID, KAFKA_NODE_ID, KafkaBroker } from '../support/kafka-broker.ts';
import { scaled } from '../support/machine.ts';
import { have } from '../support/tools.ts';
import { ACCEPTED, acceptedAs } from './differential/accepted.ts';
import { type Difference, differences } from './differential/compare.ts';
import { FAMILIES } from './differential/families.ts';
import { KAFKA_SETTINGS, KafkaSide, tidelogSide } from './differential/sides.ts';
import { type Exchange, type Side, Speaker } from './differential/speaker.ts';

/** A first run fetches some hundred jars. */
const START_TIMEOUT_MS = scaled(300_000);
/** All requests take a quarter of it on a quiet machine. */
const RUN_TIMEOUT_MS = scaled(240_000);
/** Fewer would mean that scripts have ended early. */
const REQUESTS_MIN = 2_500;

const missing = javaMissing();
const HAVE_KAFKA = have('Apache Kafka', missing === undefined, `${missing}. Install maven with a Java 17 to run it.`);

describe.skipIf(!HAVE_KAFKA)('Tidelog and Apache Kafka 4.3.1', () => {
  let kafka: KafkaBroker;
  let kafkaSide: KafkaSide;
  let tidelog: Awaited<ReturnType<typeof tidelogSide>>;
  const asked: Exchange[] = [];
  const found: Difference[] = [];

  beforeAll(async () => {
    kafka = await KafkaBroker.start(KAFKA_SETTINGS);
    kafkaSide = await KafkaSide.connect(kafka);
    tidelog = await tidelogSide(kafka, KAFKA_NODE_ID, KAFKA_CLUSTER_ID);
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    kafkaSide?.close();
    await tidelog?.close();
    await kafka?.stop();
  });

  it.each(FAMILIES.map((family) => [family.name, family] as const))(
    'answer alike: %s',
    async (_, family) => {
      const speak = async (side: Side) => {
        const speaker = new Speaker(side);
        await speaker.run(family);
        return speaker.exchanges;
      };
      const [theirs, ours] = await Promise.all([speak(kafkaSide), speak(tidelog.side)]);
      expect(ours.map(({ label }) => label)).toEqual(theirs.map(({ label }) => label));
      const differing = theirs.flatMap((exchange, index) => differences(ours[index]!, exchange));
      asked.push(...theirs);
      found.push(...differing);
      expect(differing.filter((one) => acceptedAs(one) === undefined)).toEqual([]);
    },
    RUN_TIMEOUT_MS,
  );

  it('were asked for every version of every API that is served', () => {
    process.stdout.write(`differential: ${asked.length} requests, ${found.length} accepted differences\n`);
    expect(asked.length).toBeGreaterThan(REQUESTS_MIN);
    const versions = new Set(asked.map(({ apiKey, version }) => `${apis[apiKey].name} ${version}`));
    const served = [...SERVED].flatMap(([key, { min, max }]) =>
      Array.from({ length: max - min + 1 }, (_, index) => `${apis[key].name} ${min + index}`),
    );
    expect(served.filter((one) => !versions.has(one))).toEqual([]);
  });

  it('differ in everything that the list of accepted differences has', () => {
    const used = new Set(found.map(acceptedAs));
    expect(ACCEPTED.filter((one) => !used.has(one)).map(({ what }) => what)).toEqual([]);
  });
});

describe('docs/COMPATIBILITY.md', () => {
  it('repeats the accepted differences', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/COMPATIBILITY.md'), 'utf8');
    const section = text.split('\n## Differences that the differential test accepts\n')[1]!.split('\n## ')[0]!;
    const rows = section.split('\n').filter((line) => line.startsWith('| '));
    expect(rows.slice(1)).toEqual(ACCEPTED.map(({ what, why }) => `| ${what} | ${why} |`));
  });
});

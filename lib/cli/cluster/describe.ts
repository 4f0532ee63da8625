import { ApiKey, apis, findApi } from '../../wire/apis.ts';
import { withClient } from '../client/connect.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import type { CommandIo } from '../command.ts';
import { brokerRefusal } from '../failure.ts';
import { type Command, type CommonFlags, withCommonFlags, withExamples } from '../program.ts';
import { json, table } from '../terminal/text.ts';

interface ClusterDescription {
  readonly clusterId: string;
  readonly controller: number;
  readonly nodes: readonly {
    readonly id: number;
    readonly host: string;
    readonly port: number;
    readonly rack: string | null;
  }[];
  readonly apis: readonly {
    readonly key: number;
    readonly name: string | null;
    readonly min: number;
    readonly max: number;
  }[];
  readonly features: readonly { readonly name: string; readonly level: number }[];
}

/** `tidelog cluster describe`, or just `tidelog cluster`: the nodes and the served APIs. */
export function addDescribe(program: Command, io: CommandIo): void {
  const command = program
    .command('describe', { isDefault: true })
    .description("Shows the cluster's id, its nodes, and which requests it serves; the same without describe.");
  withExamples(withCommonFlags(command), [
    ['tidelog cluster', 'The cluster on this machine'],
    ['tidelog cluster -b broker.example:9092 --json', 'Another one, for a program'],
  ]).action((flags: CommonFlags) =>
    withClient(flags, io, async (client) => {
      const description = await describe(client);
      io.out(flags.json ? json(description) : descriptionText(description));
    }),
  );
}

async function describe(client: KafkaClient): Promise<ClusterDescription> {
  const versions = await client.versions();
  const answer = await client.ask(ApiKey.DescribeCluster, { includeClusterAuthorizedOperations: false });
  if (answer.errorCode !== 0)
    throw brokerRefusal('The cluster was not described', answer.errorCode, answer.errorMessage);
  return {
    clusterId: answer.clusterId,
    controller: answer.controllerId,
    nodes: answer.brokers.map(({ brokerId, host, port, rack }) => ({ id: brokerId, host, port, rack })),
    apis: versions.apiKeys
      .map(({ apiKey, minVersion, maxVersion }) => ({
        key: apiKey,
        name: findApi(apiKey)?.name ?? null,
        min: minVersion,
        max: maxVersion,
      }))
      .sort((a, b) => a.key - b.key),
    features: versions.finalizedFeatures.map(({ name, maxVersionLevel }) => ({ name, level: maxVersionLevel })),
  };
}

function descriptionText({ clusterId, controller, nodes, apis: served, features }: ClusterDescription): string {
  const featureText = features.map(({ name, level }) => `${name} ${level}`).join(', ');
  return (
    `Cluster     ${clusterId}\nController  ${controller}\n` +
    `Features    ${featureText === '' ? 'none finalized' : featureText}\n\n` +
    `${table(
      ['NODE', 'HOST', 'PORT', 'RACK'],
      nodes.map(({ id, host, port, rack }) => [id, host, port, rack ?? '-']),
    )}\n` +
    table(
      ['KEY', 'API', 'VERSIONS', 'HERE'],
      served.map(({ key, name, min, max }) => [key, name ?? '?', `${min}-${max}`, spokenHere(key)]),
    )
  );
}

/** This program's versions of an API. */
function spokenHere(key: number): string {
  if (findApi(key) === undefined) return '-';
  const { min, max } = apis[key as ApiKey].request.versions;
  return `${min}-${max}`;
}

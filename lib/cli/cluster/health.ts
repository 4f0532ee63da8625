import { withClient } from '../client/connect.ts';
import { ConnectionError } from '../client/connection-problem.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { askMetadata } from '../client/topics.ts';
import type { CommandIo } from '../command.ts';
import { CommandError } from '../failure.ts';
import { type Command, type CommonFlags, withCommonFlags, withExamples } from '../program.ts';
import { counted, json } from '../terminal/text.ts';
import { type ClusterState, type Health, healthOf } from './health-report.ts';

/**
 * `tidelog cluster health`: whether all nodes answer and all partitions are usable; exit code 1 if
 * not.
 */
export function addHealth(program: Command, io: CommandIo): void {
  const command = program
    .command('health')
    .description(
      'Tells whether all nodes answer and all partitions have a leader and all their replicas; fails if not.',
    );
  withExamples(withCommonFlags(command), [
    ['tidelog cluster health', 'The cluster on this machine'],
    ['until tidelog cluster health --timeout 5s; do sleep 1; done', 'Wait until it is well'],
  ]).action((flags: CommonFlags) =>
    withClient(flags, io, async (client) => {
      const health = healthOf(await stateOf(client));
      io.out(flags.json ? json(health) : healthText(health));
      if (!health.healthy) throw new CommandError(`The cluster is not healthy: ${problemsOf(health).join(', ')}.`);
    }),
  );
}

async function stateOf(client: KafkaClient): Promise<ClusterState> {
  const { brokers, controllerId, topics } = await askMetadata(client, null, false);
  const answers = await Promise.all(
    brokers.map(async ({ nodeId }) => {
      try {
        await client.versions(nodeId);
        return true;
      } catch (error) {
        if (error instanceof ConnectionError) return false;
        throw error;
      }
    }),
  );
  return {
    controller: controllerId,
    nodes: brokers.map(({ nodeId }, index) => ({ id: nodeId, answers: answers[index]! })),
    partitions: topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => ({
        name: `${name}-${partitionIndex}`,
        leader: leaderId,
        replicas: replicaNodes,
        inSync: isrNodes,
      })),
    ),
  };
}

function healthText(health: Health): string {
  const list = (items: readonly (string | number)[]) => (items.length === 0 ? 'none' : items.join(', '));
  return (
    `Healthy                      ${health.healthy ? 'yes' : 'no'}\n` +
    `Controller                   ${health.controller < 0 ? 'none' : health.controller}\n` +
    `Nodes                        ${list(health.nodes)}\n` +
    `Nodes that do not answer     ${list(health.nodesDown)}\n` +
    `Partitions without a leader  ${list(health.leaderless)}\n` +
    `Under-replicated partitions  ${list(health.underReplicated)}\n`
  );
}

function problemsOf({ controller, nodesDown, leaderless, underReplicated }: Health): string[] {
  return [
    ...(controller < 0 ? ['it has no controller'] : []),
    ...(nodesDown.length === 0 ? [] : [`${counted(nodesDown.length, 'node')} without an answer`]),
    ...(leaderless.length === 0 ? [] : [`${counted(leaderless.length, 'partition')} without a leader`]),
    ...(underReplicated.length === 0 ? [] : [`${counted(underReplicated.length, 'partition')} under-replicated`]),
  ];
}

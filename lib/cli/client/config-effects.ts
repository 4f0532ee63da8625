import { ApiKey } from '../../wire/apis.ts';
import type { CommandIo } from '../command.ts';
import { ResourceType } from './configs.ts';
import type { KafkaClient } from './kafka-client.ts';

/** How Tidelog documents a config that it stores and shows, and nothing more. */
const WITHOUT_EFFECT = /Accepted, without effect(?:: (.*))?\.$/;

/**
 * Warns of those configs of a topic that this cluster accepts without effect, by the documentation that
 * it gives of them. A broker that gives none causes no warning.
 */
export async function warnWithoutEffect(
  client: KafkaClient,
  io: CommandIo,
  topic: string,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0 || !(await client.serves(ApiKey.DescribeConfigs))) return;
  const { results } = await client.ask(ApiKey.DescribeConfigs, (version) => ({
    resources: [{ resourceType: ResourceType.topic, resourceName: topic, configurationKeys: [...names] }],
    ...(version >= FIRST_WITH_DOCUMENTATION && { includeDocumentation: true }),
  }));
  for (const { name, documentation } of results[0]?.configs ?? []) {
    const found = WITHOUT_EFFECT.exec(documentation ?? '');
    if (found === null) continue;
    io.err(`Warning: ${name} has no effect in this cluster${found[1] === undefined ? '' : `: ${found[1]}`}.\n`);
  }
}

const FIRST_WITH_DOCUMENTATION = 3;

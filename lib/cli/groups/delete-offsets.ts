import { systemClock } from '../../core/clock.ts';
import { withClient } from '../client/connect.ts';
import { GroupClient } from '../client/groups.ts';
import { unknownTopic } from '../client/topics.ts';
import type { CommandIo } from '../command.ts';
import { type Command, type CommonFlags, repeated, withCommonFlags, withExamples } from '../program.ts';
import { json } from '../terminal/text.ts';
import { TopicOffsets } from './offset-ranges.ts';
import { parseTopicChoice, type TopicChoice } from './reset-plan.ts';

interface DeleteOffsetsFlags extends CommonFlags {
  readonly group: string;
  readonly topic: readonly TopicChoice[];
}

/**
 * `tidelog groups delete-offsets`: deletes the offsets of topics to which no member is subscribed.
 */
export function addDeleteOffsets(program: Command, io: CommandIo): void {
  const command = program
    .command('delete-offsets')
    .description('Deletes offsets of topics that no member of the group reads.')
    .requiredOption('-g, --group <id>', 'whose')
    .requiredOption(
      '-t, --topic <name[:0,1,2]>',
      'of which topic, or which of its partitions; may come several times',
      repeated(parseTopicChoice),
    );
  withExamples(withCommonFlags(command), [
    ['tidelog groups delete-offsets --group billing --topic orders', 'Forget where it was in a topic'],
  ]).action((flags: DeleteOffsetsFlags) =>
    withClient(flags, io, async (client) => {
      const groups = new GroupClient(client, { clock: systemClock, timeoutMs: flags.timeout });
      const known = await new TopicOffsets(client).topics();
      const topics = new Map<string, readonly number[]>();
      for (const { topic: name, partitions } of flags.topic) {
        const topic = known.get(name);
        if (topic === undefined) throw await unknownTopic(client, name);
        topics.set(name, partitions ?? topic.partitions.map(({ index }) => index));
      }
      await groups.deleteOffsets(flags.group, topics);
      if (flags.json) io.out(json({ group: flags.group, deleted: Object.fromEntries(topics) }));
      else for (const name of topics.keys()) io.out(`Deleted the offsets of group ${flags.group} in topic ${name}.\n`);
    }),
  );
}

import type { ErrorName } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { createTopic } from './create-topic.ts';
import type { AdminEnvironment } from './environment.ts';
import type { Topic } from './topics.ts';

/**
 * Creates a topic that a client asked for and that does not exist, with the defaults
 * (`auto.create.topics.enable`). The caller has checked the client's right to create it. Returns the
 * topic, also if another process was first, or the error that the client gets.
 */
export async function autoCreateTopic(
  admin: AdminEnvironment,
  logger: Logger,
  name: string,
): Promise<Topic | ErrorName> {
  const wanted = { name, partitions: -1, replicationFactor: -1, assignments: [], configs: [] };
  try {
    const outcome = await createTopic(admin, wanted, false);
    if (outcome.kind === 'created') {
      logger.log('warn', {
        event: 'topic_auto_created',
        topic: name,
        partitions: outcome.topic.record.partitions,
        message: 'the topic did not exist; set auto.create.topics.enable=false to refuse instead',
      });
      return outcome.topic;
    }
    if (outcome.kind === 'rejected' && outcome.error === 'TOPIC_ALREADY_EXISTS') {
      return (await admin.topics.read(name)) ?? 'LEADER_NOT_AVAILABLE';
    }
    return outcome.kind === 'rejected' ? outcome.error : 'UNKNOWN_SERVER_ERROR';
  } catch (error) {
    if (error instanceof StoreUnavailableError) return 'LEADER_NOT_AVAILABLE';
    throw error;
  }
}

/** Kafka's bound on a topic's name (org.apache.kafka.common.internals.Topic). */
const NAME_LENGTH_MAX = 249;
const LEGAL = /^[a-zA-Z0-9._-]+$/;

/** What is wrong with a topic's name; undefined if nothing is. The rules are Kafka's (Topic.validate). */
export function topicNameProblem(name: string): string | undefined {
  if (name === '') return 'the topic name is empty';
  if (name === '.' || name === '..') return `the topic name cannot be '${name}'`;
  if (name.length > NAME_LENGTH_MAX) {
    return `the topic name '${name}' is ${name.length} characters long, at most ${NAME_LENGTH_MAX} are allowed`;
  }
  if (!LEGAL.test(name)) {
    return `the topic name '${name}' has a character other than ASCII letters, digits, '.', '_' and '-'`;
  }
  return undefined;
}

/** The topic that Kafka keeps groups and their offsets in; here it is only shown (OffsetsTopic). */
export const OFFSETS_TOPIC = '__consumer_offsets';

/** Topics that Metadata marks as internal (Kafka: Topic.INTERNAL_TOPICS), whether they are there or not. */
export function isInternalTopic(name: string): boolean {
  return name === OFFSETS_TOPIC || name === '__transaction_state' || name === '__share_group_state';
}

/** Names that belong to the system: nobody creates, changes, deletes or writes to a topic of such a name. */
export function isReservedTopic(name: string): boolean {
  return isInternalTopic(name) || name === '__cluster_metadata';
}

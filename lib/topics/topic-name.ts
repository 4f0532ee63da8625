/**
 * Maximum length of a topic name, as in Kafka (org.apache.kafka.common.internals.Topic);
 * characters.
 */
const NAME_LENGTH_MAX = 249;
const LEGAL = /^[a-zA-Z0-9._-]+$/;

/**
 * The problem with a topic name; undefined if it is valid. The rules are Kafka's (Topic.validate).
 */
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

/** The topic that holds groups and their offsets in Kafka. Tidelog only shows it (OffsetsTopic). */
export const OFFSETS_TOPIC = '__consumer_offsets';

/**
 * Whether Metadata marks the topic as internal (Kafka: Topic.INTERNAL_TOPICS). It need not exist.
 */
export function isInternalTopic(name: string): boolean {
  return name === OFFSETS_TOPIC || name === '__transaction_state' || name === '__share_group_state';
}

/**
 * Names reserved for the system. Clients cannot create, change, delete or write to such a topic.
 */
export function isReservedTopic(name: string): boolean {
  return isInternalTopic(name) || name === '__cluster_metadata';
}

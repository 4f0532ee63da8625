/** Kafka's bound on a topic's name (org.apache.kafka.common.internals.Topic). */
const NAME_LENGTH_MAX = 249;
const LEGAL = /^[a-zA-Z0-9._-]+$/;

/** What is wrong with a topic's name; undefined if nothing is. The rules are Kafka's (Topic.validate). */
export function topicNameProblem(name: string): string | undefined {
  if (name === '') return 'the topic name is empty';
  if (name === '.' || name === '..') return `the topic name cannot be '${name}'`;
  if (name.length > NAME_LENGTH_MAX) {
    return `the topic name is ${name.length} characters long, at most ${NAME_LENGTH_MAX} are allowed`;
  }
  if (!LEGAL.test(name)) return "the topic name has a character other than ASCII letters, digits, '.', '_' and '-'";
  return undefined;
}

/** Topics that belong to the system itself, which Metadata marks as internal. */
export function isInternalTopic(name: string): boolean {
  return name === '__consumer_offsets' || name === '__transaction_state' || name === '__share_group_state';
}

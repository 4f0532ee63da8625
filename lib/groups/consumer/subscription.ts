import type { ListOfTopics, SubscribedTopic, TopicLook } from '../facts.ts';
import { type ConsumerGroupBody, type Member, type ResolvedPattern, subscribedNamesOf } from './state.ts';

/** The names of the topics to which a member is subscribed, by name and by pattern. */
export function subscribedNames(member: Member, patterns: readonly ResolvedPattern[]): ReadonlySet<string> {
  const names = new Set(member.topicNames);
  if (member.topicPattern !== '') {
    for (const name of patterns.find(({ pattern }) => pattern === member.topicPattern)?.topics ?? []) names.add(name);
  }
  return names;
}

/**
 * The names of a subscription, ascending and without duplicates. Reuses the list of another member
 * if it is equal.
 */
export function sharedNames(names: Iterable<string>, members: readonly Member[]): readonly string[] {
  const list = [...new Set(names)].sort();
  const [first] = members;
  for (const member of [first, members.at(-1)]) {
    const other = member?.topicNames;
    if (other?.length === list.length && list.every((name, index) => name === other[index])) return other;
  }
  return list;
}

/** Whether a pattern matches a topic's whole name, and the member may describe the topic. */
export type MatchPattern = (pattern: string, name: string) => boolean;

/**
 * Resolves the body's patterns and refreshes its topics from `look`. Returns the same body if
 * nothing differs. A look older than `topicsAt` does not change known topics, since another process
 * has seen them later.
 */
export function refreshTopics(body: ConsumerGroupBody, look: TopicLook, matches: MatchPattern): ConsumerGroupBody {
  const { at, named, list } = look;
  const isNews = at >= body.topicsAt;
  const isListNews = list !== undefined && list.at >= body.topicsAt;
  const patterns = resolvePatterns(body, list, isListNews, matches);
  const known = body.topicsByName;
  const topics: SubscribedTopic[] = [];
  for (const name of [...subscribedNamesOf(body.members, patterns)].sort()) {
    const topic = known.get(name);
    const isNamed = named.has(name);
    const seen = isNamed ? named.get(name) : (list?.topics.get(name) ?? topic);
    const current = topic === undefined || (isNamed ? isNews : isListNews) ? seen : topic;
    if (current !== undefined) topics.push(current);
  }
  const samePatterns = patterns === body.patterns;
  const sameTopics = haveSameTopics(topics, body.topics);
  if (samePatterns && sameTopics) return body;
  return body.with({
    patterns,
    topics: sameTopics ? body.topics : topics,
    topicsAt: Math.max(body.topicsAt, isNews ? at : 0, isListNews ? list.at : 0),
  });
}

function resolvePatterns(
  body: ConsumerGroupBody,
  list: ListOfTopics | undefined,
  isNews: boolean,
  matches: MatchPattern,
): readonly ResolvedPattern[] {
  const wanted = new Set(body.members.map(({ topicPattern }) => topicPattern).filter((pattern) => pattern !== ''));
  const known = new Map(body.patterns.map((resolved) => [resolved.pattern, resolved]));
  let changed = known.size !== wanted.size;
  const patterns = [...wanted].sort().map((pattern): ResolvedPattern => {
    const resolved = known.get(pattern);
    if (resolved !== undefined && !isNews) return resolved;
    const names = [...(list?.topics.keys() ?? [])].filter((name) => matches(pattern, name)).sort();
    if (
      resolved !== undefined &&
      names.length === resolved.topics.length &&
      names.every((n, i) => n === resolved.topics[i])
    )
      return resolved;
    changed = true;
    return { pattern, topics: names };
  });
  return changed ? patterns : body.patterns;
}

function haveSameTopics(a: readonly SubscribedTopic[], b: readonly SubscribedTopic[]): boolean {
  return (
    a.length === b.length &&
    a.every((topic, index) => {
      const other = b[index]!;
      return topic.name === other.name && topic.topicId === other.topicId && topic.partitions === other.partitions;
    })
  );
}

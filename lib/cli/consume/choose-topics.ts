import type { RE2JS } from 're2js';
import type { Clock } from '../../core/clock.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { findTopics, listTopics, type Topic } from '../client/topics.ts';
import { CommandError, usageError } from '../failure.ts';

/** The prefix of a pattern, as in librdkafka and kcat. No topic name contains it. */
const PATTERN_MARK = '^';

/** Topics by their names, and patterns for names. */
export interface TopicWish {
  readonly names: readonly string[];
  readonly patterns: readonly RE2JS[];
}

/**
 * Reads the arguments: names, and regular expressions that begin with ^, in RE2's syntax as in
 * Kafka's consumer groups. Throws CommandError for an invalid one.
 */
export async function parseTopicWish(texts: readonly string[]): Promise<TopicWish> {
  const isPattern = (text: string) => text.startsWith(PATTERN_MARK);
  return {
    names: [...new Set(texts.filter((text) => !isPattern(text)))],
    patterns: await Promise.all(texts.filter(isPattern).map(compile)),
  };
}

async function compile(text: string): Promise<RE2JS> {
  // Most commands name their topics and do not need the regular expression engine.
  const { RE2JS } = await import('re2js');
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw usageError(`"${text}" is no regular expression: ${(error as Error).message}.`);
  }
}

/**
 * The selected topics, by name. Patterns match no internal topics. Throws CommandError for a name
 * that does not exist, and when nothing matches.
 */
export async function chooseTopics(
  client: KafkaClient,
  { names, patterns }: TopicWish,
  lookup: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<readonly Topic[]> {
  const wanted = new Set(names);
  if (patterns.length > 0) {
    for (const { name, isInternal } of await listTopics(client)) {
      if (!isInternal && patterns.some((pattern) => pattern.test(name))) wanted.add(name);
    }
  }
  if (wanted.size === 0) {
    throw new CommandError(`No topic's name matches ${patterns.map((pattern) => pattern.pattern()).join(' or ')}.`);
  }
  return findTopics(client, [...wanted].sort(), lookup);
}

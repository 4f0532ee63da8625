import type { RE2JS } from 're2js';
import type { Clock } from '../../core/clock.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { findTopics, listTopics, type Topic } from '../client/topics.ts';
import { CommandError, usageError } from '../failure.ts';

/** What marks a pattern, as in librdkafka and kcat: no topic's name has it. */
const PATTERN_MARK = '^';

/** Topics by their names, and patterns for names. */
export interface TopicWish {
  readonly names: readonly string[];
  readonly patterns: readonly RE2JS[];
}

/**
 * Reads the arguments: names, and regular expressions that begin with ^, in RE2's syntax as in Kafka's consumer groups.
 * Throws CommandError for a wrong one.
 */
export async function parseTopicWish(texts: readonly string[]): Promise<TopicWish> {
  const isPattern = (text: string) => text.startsWith(PATTERN_MARK);
  return {
    names: [...new Set(texts.filter((text) => !isPattern(text)))],
    patterns: await Promise.all(texts.filter(isPattern).map(compile)),
  };
}

async function compile(text: string): Promise<RE2JS> {
  // Most commands name their topics, and start without the engine.
  const { RE2JS } = await import('re2js');
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw usageError(`"${text}" is no regular expression: ${(error as Error).message}.`);
  }
}

/**
 * The topics that are meant, by name. Patterns find no internal topics. Throws CommandError for a
 * name that is not there, and when nothing is found.
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

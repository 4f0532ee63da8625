import type { Turns } from '../kit/turns.ts';
import type { ListOfTopics, MatchedPattern } from './facts.ts';

/** Names matched between two checks of the time. */
const NAMES_AT_ONCE = 64;

/**
 * The matches of one group's patterns in the list of all topics. Each pattern is matched once per
 * list. The list changes only every few seconds (see TopicList), so the compiled patterns are not
 * kept.
 */
export class PatternMatches {
  readonly #turns: Turns;
  #list: ListOfTopics | undefined;
  #matched: ReadonlyMap<string, MatchedPattern> = new Map();

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** The matches of these patterns in this list; empty without a list. */
  async of(
    patterns: ReadonlySet<string>,
    list: ListOfTopics | undefined,
  ): Promise<ReadonlyMap<string, MatchedPattern>> {
    if (list === undefined || patterns.size === 0) return new Map();
    const known = this.#list === list ? this.#matched : new Map<string, MatchedPattern>();
    const matched = new Map<string, MatchedPattern>();
    for (const pattern of patterns) {
      matched.set(pattern, known.get(pattern) ?? (await this.#match(pattern, list)));
    }
    this.#list = list;
    this.#matched = matched;
    return matched;
  }

  async #match(source: string, list: ListOfTopics): Promise<MatchedPattern> {
    // Few groups have patterns. The dynamic import keeps the regex engine out of a function's cold
    // start.
    const { compilePattern } = await import('./consumer/topic-pattern.ts');
    const compiled = compilePattern(source);
    if (compiled.kind === 'invalid') return compiled;
    const topics = new Set<string>();
    let count = 0;
    for (const name of list.topics.keys()) {
      if (count++ % NAMES_AT_ONCE === 0) await this.#turns.turn();
      if (compiled.pattern.matches(name)) topics.add(name);
    }
    return { kind: 'valid', topics };
  }
}

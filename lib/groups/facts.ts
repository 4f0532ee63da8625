import type { Uuid } from '../core/uuid.ts';
import type { StoreTime } from '../storage/ports.ts';

/**
 * What a decision about a group needs from outside the group. A step names its needs first. The
 * worker loads the union of all needs of a round at once. Then all steps decide over what was
 * loaded (see Step).
 */
export interface Needs {
  /** Names of topics to look up, in lists that may overlap. */
  readonly topics?: readonly Iterable<string>[];
  /** Names that a request brings. A name that this process remembers as missing is read again. */
  readonly newTopics?: Iterable<string>;
  /**
   * The list of all topics. `new`: its read begins after the request arrived. `known`: a list that
   * is not too old.
   */
  readonly allTopics?: 'new' | 'known' | undefined;
  /** Topic patterns to match against that list. */
  readonly patterns?: Iterable<string>;
  /**
   * Expired offsets must be removed first. Otherwise a member that enters the group would see
   * offsets that earlier reads reported as gone.
   */
  readonly expiredOffsetsGone?: boolean;
}

export interface SubscribedTopic {
  readonly name: string;
  readonly topicId: Uuid;
  readonly partitions: number;
}

/**
 * The topics outside the group, as they were seen. `at`: store time before `named` was read.
 * `named`: the topic of each name looked up; undefined if it does not exist. `list`: all topics, if
 * patterns need them.
 */
export interface TopicLook {
  readonly at: StoreTime;
  readonly named: ReadonlyMap<string, SubscribedTopic | undefined>;
  readonly list?: ListOfTopics | undefined;
}

/** All topics by name. `at`: store time before they were read. */
export interface ListOfTopics {
  readonly at: StoreTime;
  readonly topics: ReadonlyMap<string, SubscribedTopic>;
}

/** The names of all topics that a pattern matches, or why the pattern is invalid. */
export type MatchedPattern =
  | { readonly kind: 'valid'; readonly topics: ReadonlySet<string> }
  | { readonly kind: 'invalid'; readonly reason: string };

/** What was loaded for one round. */
export interface Facts {
  readonly topics: TopicLook;
  /** Whether the read of `topics.list` began after the requests of this round arrived. */
  readonly isListNew: boolean;
  /** The matches of the patterns in `topics.list`. */
  readonly patterns: ReadonlyMap<string, MatchedPattern>;
  readonly expiredOffsetsGone: boolean;
}

export const NO_FACTS: Facts = {
  topics: { at: 0, named: new Map() },
  isListNew: false,
  patterns: new Map(),
  expiredOffsetsGone: false,
};

/** Whether `needs` names anything that `facts` does not contain. */
export function lacks(facts: Facts, needs: Needs): boolean {
  if (needs.expiredOffsetsGone === true && !facts.expiredOffsetsGone) return true;
  if (needs.allTopics === 'new' && !facts.isListNew) return true;
  const { named, list } = facts.topics;
  if (needs.allTopics !== undefined && list === undefined) return true;
  for (const pattern of needs.patterns ?? []) if (!facts.patterns.has(pattern)) return true;
  const listed = facts.isListNew ? list?.topics : undefined;
  for (const names of [...(needs.topics ?? []), needs.newTopics ?? []]) {
    for (const name of names) if (!named.has(name) && listed?.has(name) !== true) return true;
  }
  return false;
}

/** The union of the needs of several steps. */
export class NeedsUnion {
  readonly topics = new Set<string>();
  readonly newTopics = new Set<string>();
  readonly patterns = new Set<string>();
  allTopics: 'new' | 'known' | undefined;
  expiredOffsetsGone = false;
  readonly #lists = new Set<Iterable<string>>();

  add(needs: Needs): void {
    for (const names of needs.topics ?? []) {
      // Members of one group share their list of topic names.
      if (this.#lists.has(names)) continue;
      this.#lists.add(names);
      for (const name of names) this.topics.add(name);
    }
    for (const name of needs.newTopics ?? []) {
      this.topics.add(name);
      this.newTopics.add(name);
    }
    for (const pattern of needs.patterns ?? []) this.patterns.add(pattern);
    if (needs.allTopics === 'new' || this.allTopics === undefined) this.allTopics = needs.allTopics ?? this.allTopics;
    if (needs.expiredOffsetsGone === true) this.expiredOffsetsGone = true;
  }
}

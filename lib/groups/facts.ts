import type { Uuid } from '../core/uuid.ts';
import type { StoreTime } from '../storage/ports.ts';

/**
 * What a decision about a group needs from outside of the group. A step names it first; the worker loads the union over all
 * steps of a round at once; then everything is decided over what was loaded (see Step).
 */
export interface Needs {
  /** Names of topics, in lists that may overlap: what there is under each. */
  readonly topics?: readonly Iterable<string>[];
  /** Names that a request brings: one that this process remembers as missing is read again. */
  readonly newTopics?: Iterable<string>;
  /** The list of all topics: one that was begun after the request came, or one that is not too old. */
  readonly allTopics?: 'new' | 'known' | undefined;
  /** Topic patterns: what each matches in that list. */
  readonly patterns?: Iterable<string>;
  /** Expired offsets have to be gone: a member that enters would find what everybody else was told is gone. */
  readonly expiredOffsetsGone?: boolean;
}

export interface SubscribedTopic {
  readonly name: string;
  readonly topicId: Uuid;
  readonly partitions: number;
}

/**
 * What was seen of the topics outside of the group. `at`: store time before `named` was read; `named`: what there is under
 * each name that was looked at, undefined for nothing; `list`: every topic, where patterns need them.
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

/** The names of all topics that a pattern matches, or why it is no pattern. */
export type MatchedPattern =
  | { readonly kind: 'valid'; readonly topics: ReadonlySet<string> }
  | { readonly kind: 'invalid'; readonly reason: string };

/** What was loaded for one round. */
export interface Facts {
  readonly topics: TopicLook;
  /** Whether `topics.list` was read after the requests of this round came. */
  readonly isListNew: boolean;
  /** What patterns match in `topics.list`. */
  readonly patterns: ReadonlyMap<string, MatchedPattern>;
  readonly expiredOffsetsGone: boolean;
}

export const NO_FACTS: Facts = {
  topics: { at: 0, named: new Map() },
  isListNew: false,
  patterns: new Map(),
  expiredOffsetsGone: false,
};

/** Whether `facts` do not hold all that is needed. */
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

/** The needs of several steps together. */
export class NeedsUnion {
  readonly topics = new Set<string>();
  readonly newTopics = new Set<string>();
  readonly patterns = new Set<string>();
  allTopics: 'new' | 'known' | undefined;
  expiredOffsetsGone = false;
  readonly #lists = new Set<Iterable<string>>();

  add(needs: Needs): void {
    for (const names of needs.topics ?? []) {
      // Members of one group name its topics by the same list.
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

import {
  type Access,
  type Authorize,
  type Decisions,
  type Operation,
  topicAccesses,
  topicResource,
} from '../auth/authorize.ts';
import type { RequestContext } from '../core/context.ts';
import type { Partitions, TopicReference } from './partitions.ts';

/**
 * The rights of a request's client to the topics that the request names. All topics are authorized
 * in one call, before any look-up. A topic that is named by an id that this process does not know
 * is authorized once its name is known.
 */
export class TopicAccess {
  readonly #ask: (names: Iterable<string>) => Decisions | Promise<Decisions>;
  readonly #operation: Operation;
  readonly #also: Access | undefined;
  /** The decision on `also`. */
  #alsoDecided: Decisions | Promise<Decisions> | undefined;
  /** The decisions for each name; a promise until they are known. */
  readonly #byName = new Map<string, Decisions | Promise<Decisions>>();

  /**
   * @param topics those of the request; duplicates are allowed
   * @param also what the request needs beside its topics
   */
  constructor(
    { authorize, partitions }: { readonly authorize: Authorize; readonly partitions: Partitions },
    context: RequestContext,
    operation: Operation,
    topics: Iterable<{ readonly topic: TopicReference }>,
    also?: Access,
  ) {
    this.#operation = operation;
    this.#also = also;
    this.#ask = (names) =>
      authorize(context, [...topicAccesses(operation, names), ...(also === undefined ? [] : [also])]);
    const names = new Set<string>();
    let last: TopicReference | undefined;
    for (const { topic } of topics) {
      if (topic === last) continue;
      last = topic;
      const name = topic.name ?? partitions.peekTopic(topic)?.record.name;
      if (name !== undefined) names.add(name);
    }
    if (names.size === 0 && also === undefined) return;
    this.#alsoDecided = this.#ask(names);
    this.#remember(names, this.#alsoDecided);
  }

  /** Whether `also` is allowed; undefined until that is known. */
  peekAlso(): boolean | undefined {
    if (this.#also === undefined) return true;
    const decisions = this.#alsoDecided;
    if (decisions === undefined || decisions instanceof Promise) return undefined;
    return decisions.allows(this.#also.operation, this.#also.resource);
  }

  /** Waits for the decision on `also`. Throws StoreUnavailableError if there can be none. */
  async allowsAlso(): Promise<boolean> {
    if (this.#also === undefined) return true;
    return (await this.#alsoDecided!).allows(this.#also.operation, this.#also.resource);
  }

  /** Whether the operation is allowed on a topic; undefined until that is known. */
  peek(name: string): boolean | undefined {
    const decisions = this.#byName.get(name);
    if (decisions === undefined || decisions instanceof Promise) return undefined;
    return decisions.allows(this.#operation, topicResource(name));
  }

  /**
   * Waits for the decision if it is not known. Throws StoreUnavailableError if there can be none.
   */
  async allows(name: string): Promise<boolean> {
    if (!this.#byName.has(name)) this.#remember([name], this.#ask([name]));
    const decisions = await this.#byName.get(name)!;
    return decisions.allows(this.#operation, topicResource(name));
  }

  #remember(names: Iterable<string>, decisions: Decisions | Promise<Decisions>): void {
    for (const name of names) this.#byName.set(name, decisions);
    if (!(decisions instanceof Promise)) return;
    // Prevents an unhandled rejection: callers may await the decisions only after they have failed.
    decisions.catch(() => {});
  }
}

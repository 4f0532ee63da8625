import { type Authorize, type Decisions, type Operation, topicAccesses, topicResource } from '../auth/authorize.ts';
import type { RequestContext } from '../core/context.ts';
import type { Partitions, TopicReference } from './partitions.ts';

/**
 * What the client of one request may do with the topics that it names. The rights to all of them are asked for at once,
 * before anything is looked up. A topic whose name has to be read first, because the request names it by its id, is asked
 * about when its name is known.
 */
export class TopicAccess {
  readonly #ask: (names: Iterable<string>) => Decisions | Promise<Decisions>;
  readonly #operation: Operation;
  /** The decisions about each name; a promise while they are not known. */
  readonly #byName = new Map<string, Decisions | Promise<Decisions>>();

  /** @param topics those of the request, in any number and order */
  constructor(
    { authorize, partitions }: { readonly authorize: Authorize; readonly partitions: Partitions },
    context: RequestContext,
    operation: Operation,
    topics: Iterable<{ readonly topic: TopicReference }>,
  ) {
    this.#operation = operation;
    this.#ask = (names) => authorize(context, topicAccesses(operation, names));
    const names = new Set<string>();
    let last: TopicReference | undefined;
    for (const { topic } of topics) {
      if (topic === last) continue;
      last = topic;
      const name = topic.name ?? partitions.peekTopic(topic)?.record.name;
      if (name !== undefined) names.add(name);
    }
    if (names.size > 0) this.#remember(names, this.#ask(names));
  }

  /** Whether the operation is allowed on a topic; undefined while that is not known. */
  peek(name: string): boolean | undefined {
    const decisions = this.#byName.get(name);
    if (decisions === undefined || decisions instanceof Promise) return undefined;
    return decisions.allows(this.#operation, topicResource(name));
  }

  /** The same, once it is known. Throws StoreUnavailableError if it cannot be decided. */
  async allows(name: string): Promise<boolean> {
    if (!this.#byName.has(name)) this.#remember([name], this.#ask([name]));
    const decisions = await this.#byName.get(name)!;
    return decisions.allows(this.#operation, topicResource(name));
  }

  #remember(names: Iterable<string>, decisions: Decisions | Promise<Decisions>): void {
    for (const name of names) this.#byName.set(name, decisions);
    if (!(decisions instanceof Promise)) return;
    // Whoever needs the decisions may begin to wait for them only after they have failed.
    decisions.catch(() => {});
  }
}

import { SERVED } from '../../../lib/broker/served.ts';
import { type ApiKey, apis, type RequestInput } from '../../../lib/wire/apis.ts';
import type { Told } from '../../support/kafka-client.ts';
import { Aliases, normalised } from './normalise.ts';

/** An id that no topic has. */
export const UNKNOWN_ID = 'nowherenowherenowhereA';

/** How one of the two brokers is reached. */
export interface Side {
  /** Sends one request; requests of one script may be under way at the same time. */
  tell<Key extends ApiKey>(key: Key, version: number, body: RequestInput<Key>): Promise<Told<Key>>;
  /** Resolves once what was changed so far is seen by every request. */
  settle(key: ApiKey): Promise<void>;
  /** Resolves once a partition answers. */
  ready(topic: string, partition: number): Promise<void>;
}

/** One request and what came of it, in the form that is compared. */
export interface Exchange {
  /** Family, case and version; unique within a run. */
  readonly label: string;
  readonly apiKey: ApiKey;
  readonly version: number;
  readonly request: unknown;
  /** The answer, or 'closed' or 'none'. */
  readonly outcome: unknown;
}

/** A script of requests that is run against both brokers. It takes ids that it needs from the answers. */
export interface Family {
  readonly name: string;
  run(speaker: Speaker): Promise<void>;
}

type Answer<Key extends ApiKey> = Extract<Told<Key>, { kind: 'answer' }>['body'];

/** Sends the requests of a family to one broker and writes down what it answers. */
export class Speaker {
  readonly exchanges: Exchange[] = [];
  readonly #side: Side;
  readonly #aliases = new Aliases([[UNKNOWN_ID, '<unknown id>']]);
  readonly #labels = new Set<string>();
  #family = '';

  constructor(side: Side) {
    this.#side = side;
  }

  async run(family: Family): Promise<void> {
    this.#family = family.name;
    await family.run(this);
  }

  /** Sends one request; the answer, or undefined where the connection was closed. */
  async ask<Key extends ApiKey>(
    what: string,
    key: Key,
    version: number,
    body: RequestInput<Key>,
  ): Promise<Answer<Key> | undefined> {
    const label = `${this.#family}: ${apis[key].name} ${version} ${what}`;
    if (this.#labels.has(label)) throw new Error(`two cases are called ${label}`);
    this.#labels.add(label);
    const told = await this.#side.tell(key, version, body);
    const outcome =
      told.kind === 'answer' ? normalised(told.body, `${this.#family} ${what}`, this.#aliases) : told.kind;
    this.exchanges.push({ label, apiKey: key, version, request: body, outcome });
    await this.#side.settle(key);
    return told.kind === 'answer' ? told.body : undefined;
  }

  /** Sends the same in every version that is served, from `from` to `to`. */
  async every<Key extends ApiKey>(
    what: string,
    key: Key,
    body: (version: number) => RequestInput<Key>,
    { from = 0, to = Number.POSITIVE_INFINITY }: { readonly from?: number; readonly to?: number } = {},
  ): Promise<void> {
    const { min, max } = SERVED.get(key)!;
    for (let version = Math.max(min, from); version <= Math.min(max, to); version++) {
      await this.ask(what, key, version, body(version));
    }
  }

  /** Sends something that is not compared, to set the stage. */
  async prepare<Key extends ApiKey>(key: Key, version: number, body: RequestInput<Key>): Promise<Answer<Key>> {
    const told = await this.#side.tell(key, version, body);
    if (told.kind !== 'answer') throw new Error(`${this.#family}: no answer to ${apis[key].name}: ${told.kind}`);
    await this.#side.settle(key);
    return told.body;
  }

  /** Creates a topic that is not itself a case, and waits until it can be used; its id. */
  async topic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const { topics } = await this.prepare(19, 7, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: 10_000,
    });
    const [created] = topics;
    if (created?.errorCode !== 0) throw new Error(`${name}: ${created?.errorCode} ${created?.errorMessage}`);
    this.#aliases.set(created.topicId, `<id of ${name}>`);
    await this.ready(name, partitions - 1);
    return created.topicId;
  }

  /** Waits until a partition answers. */
  ready(topic: string, partition: number): Promise<void> {
    return this.#side.ready(topic, partition);
  }
}

import { type Clock, systemClock } from '../../core/clock.ts';
import { type Random, systemRandom } from '../../core/random.ts';
import type { Api } from '../../wire/api.ts';
import { ApiKey, apis, type RequestInput, type ResponseBody } from '../../wire/apis.ts';
import { CommandError } from '../failure.ts';
import { type Address, showAddress } from './addresses.ts';
import type { ClientConfig } from './client-config.ts';
import { Connection } from './connection.ts';
import { ConnectionError, connectionProblem } from './connection-problem.ts';
import { logIn } from './login.ts';

export interface ClientOptions {
  readonly addresses: readonly [Address, ...Address[]];
  readonly config: ClientConfig;
  /** The content of the file with the trusted authorities. */
  readonly trustedAuthorities?: string;
  /** The time-out of connecting, and of an answer. */
  readonly timeoutMs: number;
  /** The client id that brokers log and may use for quotas. */
  readonly clientName: string;
  readonly clientVersion: string;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface AskOptions {
  /** The broker to ask. Default: any. */
  readonly node?: number;
  /** The highest version to use, if a higher one would need other fields. */
  readonly versionMax?: number;
  /** True for a request without an answer (Produce with acks=0). */
  readonly unanswered?: boolean;
  /**
   * The name of a separate connection for this request. A broker answers the requests of one
   * connection in order, so a waiting request would delay the others.
   */
  readonly channel?: string;
  /** How long to wait for the answer. Default: the client's time-out. */
  readonly timeoutMs?: number;
}

type Answer<Key extends ApiKey> = { readonly version: number; readonly body: ResponseBody<Key> };

/** Every broker since 2.4 answers ApiVersions 3; an older one answers in version 0 (KIP-511). */
const API_VERSIONS_VERSION = 3;

/** Sends requests to Kafka brokers over connections that are opened on first use. */
export class KafkaClient {
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #nodes = new Map<number, Address>();
  /** By channel and address. */
  readonly #connections = new Map<string, Promise<Connection>>();
  readonly #versions = new WeakMap<Connection, Promise<ResponseBody<typeof ApiKey.ApiVersions>>>();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Stores the nodes' addresses from an answer to Metadata. */
  learnNodes(brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]): void {
    for (const { nodeId, host, port } of brokers) this.#nodes.set(nodeId, { host, port });
  }

  /**
   * The answer to a request, in the highest version that both sides have. Throws CommandError when
   * there is no connection, no answer in time, or no common version.
   *
   * @param body the request's body, or a function that makes it for a version
   */
  async ask<Key extends ApiKey>(
    key: Key,
    body: RequestInput<Key> | ((version: number) => RequestInput<Key>),
    options: AskOptions = {},
  ): Promise<ResponseBody<Key>> {
    return (await this.askWithVersion(key, body, options)).body;
  }

  /** Like `ask`, and also returns the version used. */
  async askWithVersion<Key extends ApiKey>(
    key: Key,
    body: RequestInput<Key> | ((version: number) => RequestInput<Key>),
    options: AskOptions = {},
  ): Promise<Answer<Key>> {
    const connection = await this.#connect(options.node, options.channel);
    const version = await this.#versionFor(connection, key, options.versionMax);
    const input = typeof body === 'function' ? body(version) : body;
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    return { version, body: await connection.request(key, version, input, timeoutMs, options.unanswered) };
  }

  /** The APIs and versions that a broker serves. Throws CommandError. */
  async versions(node?: number): Promise<ResponseBody<typeof ApiKey.ApiVersions>> {
    return this.#versionsOf(await this.#connect(node));
  }

  /** True if a broker serves an API in a version that this client has. Throws CommandError. */
  async serves(key: ApiKey): Promise<boolean> {
    return (await this.versions()).apiKeys.some(({ apiKey }) => apiKey === key);
  }

  /** Resolves when the connection to a node takes more bytes without buffering them. */
  async writable(node: number): Promise<void> {
    await (await this.#connect(node)).writable();
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    for (const opening of this.#connections.values()) {
      // The caller of a failed connect already has its error.
      await opening.then((connection) => connection.close()).catch(() => {});
    }
    this.#connections.clear();
  }

  async #connect(node: number | undefined, channel = ''): Promise<Connection> {
    const known = node === undefined ? undefined : this.#nodes.get(node);
    if (known !== undefined) return this.#connectTo(known, channel);
    const { addresses } = this.#options;
    const [first, ...others] = addresses;
    let connecting = this.#connectTo(first, channel);
    for (const address of others) {
      connecting = connecting.catch((error: unknown) => {
        if (error instanceof ConnectionError) return this.#connectTo(address, channel);
        throw error;
      });
    }
    return connecting.catch((error: unknown) => {
      if (!(error instanceof ConnectionError)) throw error;
      throw connectionProblem(error.failure, addresses.map(showAddress).join(', '), this.#options);
    });
  }

  async #connectTo(address: Address, channel: string): Promise<Connection> {
    const name = `${channel} ${showAddress(address)}`;
    const opened = this.#connections.get(name);
    if (opened !== undefined) {
      const connection = await opened;
      if (connection.isOpen) return connection;
    }
    const current = this.#connections.get(name);
    // Another call may have reopened the connection meanwhile.
    if (current !== undefined && current !== opened) return current;
    const opening = this.#open(address);
    this.#connections.set(name, opening);
    opening.catch(() => {
      if (this.#connections.get(name) === opening) this.#connections.delete(name);
    });
    return opening;
  }

  async #open(address: Address): Promise<Connection> {
    const { config, clientName, timeoutMs, trustedAuthorities } = this.#options;
    const connection = await Connection.open({
      address,
      clock: this.#clock,
      clientId: config.clientId ?? clientName,
      timeoutMs,
      ...(config.tls && { tls: trustedAuthorities === undefined ? {} : { ca: trustedAuthorities } }),
    });
    if (config.sasl === undefined) return connection;
    const { random = systemRandom } = this.#options;
    try {
      await logIn(connection, { sasl: config.sasl, random, where: showAddress(address), timeoutMs });
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #versionsOf(connection: Connection): Promise<ResponseBody<typeof ApiKey.ApiVersions>> {
    let versions = this.#versions.get(connection);
    if (versions === undefined) {
      const { clientName, clientVersion, timeoutMs } = this.#options;
      const body = { clientSoftwareName: clientName, clientSoftwareVersion: clientVersion };
      versions = connection.request(ApiKey.ApiVersions, API_VERSIONS_VERSION, body, timeoutMs);
      this.#versions.set(connection, versions);
    }
    return versions;
  }

  async #versionFor(connection: Connection, key: ApiKey, limit = Number.POSITIVE_INFINITY): Promise<number> {
    const { name, request }: Api = apis[key];
    const served = (await this.#versionsOf(connection)).apiKeys.find(({ apiKey }) => apiKey === key);
    if (served === undefined) {
      throw new CommandError(`The broker does not serve ${name} (API key ${key}), which this command needs.`, {
        kafkaError: 'UNSUPPORTED_VERSION',
      });
    }
    const version = Math.min(served.maxVersion, request.versions.max, limit);
    if (version >= Math.max(served.minVersion, request.versions.min)) return version;
    throw new CommandError(
      `The broker serves ${name} in versions ${served.minVersion} to ${served.maxVersion}, and this command knows ` +
        `${request.versions.min} to ${Math.min(request.versions.max, limit)}: one of both is too old.`,
      { kafkaError: 'UNSUPPORTED_VERSION' },
    );
  }
}

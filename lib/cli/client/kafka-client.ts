import { type Broker, type Connection, ConnectionPool, Writer } from '@platformatic/kafka';
import { ERROR_CODES } from '../../core/errors.ts';
import { type Api, ApiKey, apis, type RequestInput, type ResponseBody } from '../../protocol/apis.ts';
import { decodeMessage, encodeMessage } from '../../protocol/schema/message.ts';
import { DecodeError } from '../../protocol/wire/errors.ts';
import { CommandError } from '../failure.ts';
import { type Address, showAddress } from './addresses.ts';
import type { ClientConfig } from './client-config.ts';
import { connectionProblem, isConnectionProblem } from './connection-problem.ts';

export interface ClientOptions {
  readonly addresses: readonly [Address, ...Address[]];
  readonly config: ClientConfig;
  /** The content of the file with the trusted authorities. */
  readonly trustedAuthorities?: string;
  /** How long to wait for a connection, and for an answer. */
  readonly timeoutMs: number;
  /** What brokers log requests under, and may count quotas by. */
  readonly clientName: string;
  readonly clientVersion: string;
}

export interface AskOptions {
  /** Which broker to ask; any one when left out. */
  readonly node?: number;
  /** The highest version to ask in, where a higher one would need other fields. */
  readonly versionMax?: number;
  /** True for a request that gets no answer (Produce with acks=0). */
  readonly unanswered?: boolean;
}

type Answer<Key extends ApiKey> = { readonly version: number; readonly body: ResponseBody<Key> };

/** Requests that one connection may have in progress: five batches each for a few partitions, and what asks beside them. */
const IN_FLIGHT_MAX = 32;
/** ApiVersions 3 is answered by every broker since 2.4; an older one answers in version 0 (KIP-511). */
const API_VERSIONS_VERSION = 3;

/**
 * Asks Kafka brokers. Connections, TLS, SASL and the matching of answers to requests are the library's; what is in the
 * requests comes from this project's schemas, so that bytes stay bytes and a record costs no objects on the way.
 */
export class KafkaClient {
  readonly #options: ClientOptions;
  readonly #pool: ConnectionPool;
  readonly #nodes = new Map<number, Broker>();
  readonly #versions = new WeakMap<Connection, Promise<ResponseBody<typeof ApiKey.ApiVersions>>>();
  readonly #watched = new WeakSet<Connection>();

  constructor(options: ClientOptions) {
    this.#options = options;
    const { config, timeoutMs } = options;
    this.#pool = new ConnectionPool(config.clientId ?? options.clientName, {
      connectTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      maxInflights: IN_FLIGHT_MAX,
      ...(config.sasl !== undefined && { sasl: config.sasl }),
      ...(config.tls && {
        tls: options.trustedAuthorities === undefined ? {} : { ca: options.trustedAuthorities },
        tlsServerName: true,
      }),
    });
  }

  /** Remembers where the nodes are, as Metadata told. */
  learnNodes(brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]): void {
    for (const { nodeId, host, port } of brokers) this.#nodes.set(nodeId, { host, port });
  }

  /**
   * The answer to a request, in the highest version that both sides have. Throws CommandError when there is no
   * connection, no answer in time, or no common version.
   *
   * @param body what to ask; a function gets the version that it is for
   */
  async ask<Key extends ApiKey>(
    key: Key,
    body: RequestInput<Key> | ((version: number) => RequestInput<Key>),
    options: AskOptions = {},
  ): Promise<ResponseBody<Key>> {
    return (await this.askWithVersion(key, body, options)).body;
  }

  /** As `ask`, with the version in which it was asked. */
  async askWithVersion<Key extends ApiKey>(
    key: Key,
    body: RequestInput<Key> | ((version: number) => RequestInput<Key>),
    options: AskOptions = {},
  ): Promise<Answer<Key>> {
    const connection = await this.#connect(options.node);
    const version = await this.#versionFor(connection, key, options.versionMax);
    const input = typeof body === 'function' ? body(version) : body;
    return { version, body: await this.#send(connection, key, version, input, options.unanswered === true) };
  }

  /** What a broker serves. Throws CommandError. */
  async versions(node?: number): Promise<ResponseBody<typeof ApiKey.ApiVersions>> {
    return this.#versionsOf(await this.#connect(node));
  }

  /** True when a broker has an API that can be asked for here. Throws CommandError. */
  async serves(key: ApiKey): Promise<boolean> {
    return (await this.versions()).apiKeys.some(({ apiKey }) => apiKey === key);
  }

  /** Resolves when the connection to a node takes more bytes without buffering them. */
  async writable(node: number): Promise<void> {
    const { socket } = await this.#connect(node);
    if (!socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #connect(node: number | undefined): Promise<Connection> {
    const known = node === undefined ? undefined : this.#nodes.get(node);
    const targets: readonly Broker[] = known === undefined ? this.#options.addresses : [known];
    try {
      const connection =
        known === undefined ? await this.#pool.getFirstAvailable([...targets]) : await this.#pool.get(known);
      if (!this.#watched.has(connection)) {
        this.#watched.add(connection);
        // A connection that breaks tells so to whoever waits on it; an event that nobody hears would end the process.
        connection.on('error', () => {});
      }
      return connection;
    } catch (error) {
      throw connectionProblem(error, targets.map(showAddress).join(', '), this.#options);
    }
  }

  #versionsOf(connection: Connection): Promise<ResponseBody<typeof ApiKey.ApiVersions>> {
    let versions = this.#versions.get(connection);
    if (versions === undefined) {
      const { clientName, clientVersion } = this.#options;
      const body = { clientSoftwareName: clientName, clientSoftwareVersion: clientVersion };
      versions = this.#send(connection, ApiKey.ApiVersions, API_VERSIONS_VERSION, body, false);
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

  async #send<Key extends ApiKey>(
    connection: Connection,
    key: Key,
    version: number,
    body: RequestInput<Key>,
    unanswered: boolean,
  ): Promise<ResponseBody<Key>> {
    const api: Api = apis[key];
    const payload = encodeMessage(api.request, version, body);
    const address = `${connection.host}:${connection.port}`;
    try {
      return await new Promise((resolve, reject) => {
        connection.send<ResponseBody<Key>>(
          key,
          version,
          () => {
            const writer = Writer.create().append(payload);
            if (unanswered) writer.context.noResponse = true;
            return writer;
          },
          (_correlationId, _key, _version, reader) =>
            decodeAnswer(key, version, reader.buffer.slice(reader.position)) as ResponseBody<Key>,
          api.requestHeaderVersion(version) === 2,
          api.responseHeaderVersion(version) === 1,
          (error, answer) => (error ? reject(error) : resolve(answer as ResponseBody<Key>)),
        );
      });
    } catch (error) {
      if (error instanceof DecodeError) {
        throw new CommandError(
          `The answer of ${address} to ${api.name} version ${version} cannot be read: ${error.message}.`,
        );
      }
      throw isConnectionProblem(error) ? connectionProblem(error, address, this.#options) : error;
    }
  }
}

/** Throws DecodeError. */
function decodeAnswer(key: ApiKey, version: number, payload: Buffer) {
  const api: Api = apis[key];
  const isRefusal =
    key === ApiKey.ApiVersions && payload.length >= 2 && payload.readInt16BE(0) === ERROR_CODES.UNSUPPORTED_VERSION;
  return decodeMessage(api.response, isRefusal ? 0 : version, payload);
}

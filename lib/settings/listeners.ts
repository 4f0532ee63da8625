import type { RawSettings } from './schema.ts';

/** An address that the gateway listens on, and the one that it advertises. */
export interface Listener {
  /** In upper case; what advertised addresses and request contexts refer to. */
  readonly name: string;
  /** '' and the wildcard addresses mean every interface. IPv6 without brackets. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** The address that clients connect to; undefined for the one that the listener is bound to. */
  readonly advertised: Address | undefined;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type ListenersOutcome =
  | { readonly kind: 'listeners'; readonly listeners: readonly Listener[] }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

interface Endpoint extends Address {
  readonly name: string;
}

/** The supported security protocol: no authentication, no encryption. */
const SERVED_PROTOCOL = 'PLAINTEXT';
const KNOWN_PROTOCOLS = [SERVED_PROTOCOL, 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];
const ENDPOINT = /^([^:/\s]+):\/\/(\[[0-9a-fA-F:.%]+\]|[^:[\]/\s]*):(\d{1,5})$/;
const WILDCARDS = ['', '0.0.0.0', '::', '0:0:0:0:0:0:0:0'];
export const PORT_MAX = 65_535;

/** True for a host that means every interface. */
export function isWildcard(host: string): boolean {
  return WILDCARDS.includes(host);
}

/** True for a host that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** An address as clients write it: IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Reads the listeners and their advertised addresses and checks them by Kafka's rules
 * (KafkaConfig.validateValues, CoreUtils.listenerListToEndPoints): names and ports are unique,
 * every name has a protocol, advertised names are listeners, and a wildcard cannot be advertised.
 * Kafka refuses a listener on 0.0.0.0 without an advertised address. Here the host's name is
 * advertised, as in Kafka for an empty host.
 */
export function readListeners(raw: RawSettings, hostname: () => string): ListenersOutcome {
  const problems: string[] = [];
  const endpoints = readEndpoints('listeners', raw.listeners, problems);
  const advertised =
    raw.advertisedListeners === undefined
      ? []
      : readEndpoints('advertised.listeners', raw.advertisedListeners, problems);
  const protocols = readProtocols(raw.listenerSecurityProtocolMap, problems);
  if (problems.length > 0) return { kind: 'invalid', problems };

  for (const endpoint of endpoints) problems.push(...listenerProblems(endpoint, protocols, raw.allowAnonymous));
  const ports = endpoints.map(({ port }) => port).filter((port) => port !== 0);
  if (new Set(ports).size < ports.length) problems.push('listeners: each listener needs a port of its own.');
  problems.push(...advertisedProblems(advertised, endpoints));
  if (problems.length > 0) return { kind: 'invalid', problems };

  const listeners = endpoints.map((endpoint) => ({
    ...endpoint,
    advertised:
      advertised.find(({ name }) => name === endpoint.name) ??
      (isWildcard(endpoint.host) ? { host: hostname(), port: endpoint.port } : undefined),
  }));
  return { kind: 'listeners', listeners };
}

function readEndpoints(key: string, value: string, problems: string[]): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const part of value.split(',').map((text) => text.trim())) {
    const match = ENDPOINT.exec(part);
    const port = Number(match?.[3]);
    if (match === null || port > PORT_MAX) {
      problems.push(
        `${key}: "${part}" is no listener; write NAME://HOST:PORT, for example PLAINTEXT://127.0.0.1:9092.`,
      );
      continue;
    }
    const name = match[1]!.toUpperCase();
    if (endpoints.some((other) => other.name === name)) {
      problems.push(`${key}: two listeners are called ${name}; give each a name of its own.`);
    }
    endpoints.push({ name, host: match[2]!.replace(/^\[|\]$/g, ''), port });
  }
  return endpoints;
}

function readProtocols(value: string, problems: string[]): ReadonlyMap<string, string> {
  const protocols = new Map<string, string>();
  for (const part of value.split(',').map((text) => text.trim())) {
    const [name = '', protocol = '', rest] = part.toUpperCase().split(':');
    if (name === '' || rest !== undefined || !KNOWN_PROTOCOLS.includes(protocol)) {
      problems.push(
        `listener.security.protocol.map: "${part}" is not of the form NAME:PROTOCOL with one of ${KNOWN_PROTOCOLS.join(', ')}.`,
      );
    }
    protocols.set(name, protocol);
  }
  return protocols;
}

function listenerProblems(
  endpoint: Endpoint,
  protocols: ReadonlyMap<string, string>,
  allowAnonymous: boolean,
): string[] {
  const { name, host } = endpoint;
  const protocol = protocols.get(name);
  if (protocol === undefined) {
    return [
      `listeners: ${name} has no protocol; add ${name}:PLAINTEXT to listener.security.protocol.map, or call the listener PLAINTEXT.`,
    ];
  }
  if (protocol !== SERVED_PROTOCOL) {
    return [`listeners: ${name} asks for ${protocol}, which is not served; use ${SERVED_PROTOCOL}.`];
  }
  if (isLoopback(host) || allowAnonymous) return [];
  return [reachableProblem(`listeners: ${name}`, host)];
}

function advertisedProblems(advertised: readonly Endpoint[], endpoints: readonly Endpoint[]): string[] {
  const names = endpoints.map(({ name }) => name);
  return advertised.flatMap(({ name, host, port }) => {
    if (!names.includes(name)) {
      return [`advertised.listeners: ${name} is no listener; there is ${names.join(', ')}.`];
    }
    if (isWildcard(host)) {
      return [`advertised.listeners: ${name} needs a host that clients can reach; "${host}" is none.`];
    }
    return port === 0 ? [`advertised.listeners: ${name} needs a port that clients can reach; 0 is none.`] : [];
  });
}

/** Why a listener without a login may not listen there. */
export function reachableProblem(what: string, host: string): string {
  const shown = isWildcard(host) ? 'every interface' : host;
  return (
    `${what} listens on ${shown}, where other machines reach it, and there is no login. ` +
    'Listen on 127.0.0.1, or pass --allow-anonymous if the network keeps strangers out.'
  );
}

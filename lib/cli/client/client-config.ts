import { parseProperties } from '../../settings/properties.ts';

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

/** The connection settings of a client's properties file. */
export interface ClientConfig {
  readonly bootstrapServers?: string;
  readonly clientId?: string;
  readonly tls: boolean;
  /** Path of a PEM file with the trusted authorities. Default: the system's. */
  readonly trustedAuthorities?: string;
  readonly sasl?: { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string };
}

export type ClientConfigOutcome =
  | { readonly kind: 'config'; readonly config: ClientConfig }
  | { readonly kind: 'invalid'; readonly problem: string };

const MECHANISMS: readonly string[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'];
const PROTOCOLS: readonly string[] = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];
/** Ignoring an unknown key of these kinds could weaken or break the connection. */
const MUST_BE_KNOWN = /^(ssl|sasl|security)\./;
const KNOWN: ReadonlySet<string> = new Set([
  'security.protocol',
  'sasl.mechanism',
  'sasl.username',
  'sasl.password',
  'sasl.jaas.config',
  'ssl.ca.location',
  'ssl.truststore.type',
  'ssl.truststore.location',
]);

/**
 * Reads a Kafka client's properties by the names of the Java clients and librdkafka. Keys that do
 * not concern the connection, such as `acks`, are ignored.
 */
export function readClientConfig(content: string): ClientConfigOutcome {
  return clientConfigOf(new Map(parseProperties(content).map(({ key, value }) => [key, value])));
}

/** Like readClientConfig, for parsed properties. */
export function clientConfigOf(values: ReadonlyMap<string, string>): ClientConfigOutcome {
  for (const key of values.keys()) {
    if (MUST_BE_KNOWN.test(key) && !KNOWN.has(key)) return invalid(`${key} is not supported by this command line.`);
  }
  const protocol = values.get('security.protocol') ?? 'PLAINTEXT';
  if (!PROTOCOLS.includes(protocol)) return invalid(`security.protocol is one of ${PROTOCOLS.join(', ')}.`);
  const trusted = values.get('ssl.ca.location') ?? values.get('ssl.truststore.location');
  if (values.has('ssl.truststore.location') && values.get('ssl.truststore.type') !== 'PEM') {
    return invalid('ssl.truststore.location needs ssl.truststore.type=PEM: Java key stores cannot be read here.');
  }
  const base = {
    tls: protocol.endsWith('SSL'),
    ...optional('bootstrapServers', values.get('bootstrap.servers')),
    ...optional('clientId', values.get('client.id')),
    ...optional('trustedAuthorities', trusted),
  };
  if (!protocol.startsWith('SASL_')) return { kind: 'config', config: base };

  const mechanism = values.get('sasl.mechanism') ?? '';
  if (!MECHANISMS.includes(mechanism)) return invalid(`sasl.mechanism is one of ${MECHANISMS.join(', ')}.`);
  const jaas = values.get('sasl.jaas.config') ?? '';
  const username = values.get('sasl.username') ?? jaasOption(jaas, 'username');
  const password = values.get('sasl.password') ?? jaasOption(jaas, 'password');
  if (username === undefined || password === undefined) {
    return invalid('SASL needs sasl.username and sasl.password, or both in sasl.jaas.config.');
  }
  const sasl = { mechanism: mechanism as SaslMechanism, username, password };
  return { kind: 'config', config: { ...base, sasl } };
}

/** `username="ann"` within a login module's line. */
function jaasOption(jaas: string, name: string): string | undefined {
  const match = new RegExp(`\\b${name}\\s*=\\s*("(?:[^"\\\\]|\\\\.)*"|[^\\s;]+)`).exec(jaas);
  const value = match?.[1];
  return value?.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
}

function optional<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  return (value === undefined || value === '' ? {} : { [key]: value }) as { [key in K]?: string };
}

function invalid(problem: string): ClientConfigOutcome {
  return { kind: 'invalid', problem };
}

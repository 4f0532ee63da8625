import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import { apis } from '../../../lib/wire/apis.ts';
import type { Field, Fields, FieldType } from '../../../lib/wire/schema/field.ts';
import type { Message } from '../../../lib/wire/schema/message.ts';
import { includesVersion, parseVersions, type Versions } from '../../../lib/wire/schema/versions.ts';
import { allMessages, versionsOf } from '../../property/wire/arbitrary.ts';
import { readJar } from '../../support/jar.ts';
import { APIS_WITHOUT_SCHEMA } from '../../support/kafka-apis.ts';
import { FETCH_TIMEOUT_MS, fetchArtifacts, mavenMissing } from '../../support/maven.ts';
import { have } from '../../support/tools.ts';

/** The release whose definitions are in its jar on Maven Central, and where they are in it. */
const CLIENTS = 'org.apache.kafka:kafka-clients:4.3.1';
const IN_JAR = /^common\/message\/.*\.json$/;

interface KafkaField {
  readonly name: string;
  readonly type: string;
  readonly versions: Versions;
  readonly nullableVersions?: Versions | 'none';
  readonly taggedVersions?: Versions;
  readonly tag?: number;
  readonly default?: string | number | boolean;
  readonly ignorable?: boolean;
  readonly flexibleVersions?: 'none';
  readonly fields?: readonly KafkaField[];
}

interface KafkaMessage {
  readonly apiKey?: number;
  readonly type: string;
  readonly name: string;
  readonly validVersions: Versions;
  readonly flexibleVersions: Versions | 'none';
  readonly fields: readonly KafkaField[];
  readonly commonStructs?: readonly KafkaField[];
}

/** What a field is at one version, in a form that both sides can be brought to. */
interface FieldFacts {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly tag: number | undefined;
  readonly default: unknown;
  /** Undefined for a field that is there whenever what it belongs to is: it is never left out. */
  readonly ignorable: boolean | undefined;
  readonly flexible: boolean;
  readonly fields: readonly FieldFacts[];
}

/** Versions of Kafka's trunk that its last release does not serve by default. */
const CUT_OFF: Readonly<Record<string, number>> = {
  ApiVersions: 4,
  InitProducerId: 5,
  TxnOffsetCommit: 5,
  DeleteGroups: 2,
};

const BY_KEY = Object.fromEntries(Object.values(apis).map((api) => [api.key, api]));

/** Fields that a release calls otherwise than what came after it: by message and its name for the field. Names are not sent. */
const RENAMED: Readonly<Record<string, string>> = {
  'TxnOffsetCommitRequest.generationId': 'generationIdOrMemberEpoch',
};

function within(versions: Versions | 'none' | undefined, version: number): boolean {
  return versions !== undefined && versions !== 'none' && includesVersion(parseVersions(versions), version);
}

const STRUCT = /^[A-Z]/;

function kafkaDefault(field: KafkaField, type: string): unknown {
  const given = field.default;
  if (given === 'null') return null;
  if (type.startsWith('[]')) return '[]';
  if (STRUCT.test(type)) return 'struct';
  if (type === 'string') return given ?? '';
  if (type === 'bool') return String(given ?? false) === 'true';
  if (type === 'uuid') return ZERO_UUID;
  if (type === 'bytes') return 'bytes';
  // Kafka's is null even where null cannot be encoded, so there is nothing to compare.
  if (type === 'records') return 'records';
  return Math.min(Number(given ?? 0), Number.MAX_SAFE_INTEGER);
}

function kafkaFacts(
  message: KafkaMessage,
  fields: readonly KafkaField[],
  version: number,
  all: readonly number[],
): FieldFacts[] {
  const facts: FieldFacts[] = [];
  for (const field of fields) {
    if (!within(field.versions, version)) continue;
    const present = all.filter((one) => within(field.versions, one));
    const elementType = field.type.replace('[]', '');
    const inner = field.fields ?? message.commonStructs?.find((common) => common.name === elementType)?.fields;
    const name = field.name.charAt(0).toLowerCase() + field.name.slice(1);
    facts.push({
      name: RENAMED[`${message.name}.${name}`] ?? name,
      type: STRUCT.test(elementType) ? field.type.replace(elementType, 'struct') : field.type,
      nullable: within(field.nullableVersions, version),
      tag: within(field.taggedVersions, version) ? field.tag : undefined,
      default: kafkaDefault(field, field.type),
      ignorable: present.length === all.length ? undefined : (field.ignorable ?? false),
      flexible: field.flexibleVersions !== 'none',
      fields: inner === undefined ? [] : kafkaFacts(message, inner, version, present),
    });
  }
  return facts;
}

function typeName(type: FieldType): string {
  if (type.kind === 'array') return `[]${typeName(type.element)}`;
  return type.kind === 'struct' ? 'struct' : type.name;
}

function innerFields(type: FieldType): Fields {
  if (type.kind === 'array') return innerFields(type.element);
  return type.kind === 'struct' ? type.fields : {};
}

function ownDefault(field: Field): unknown {
  const { type, defaultValue } = field;
  if (type.kind === 'scalar' && type.name === 'records') return 'records';
  if (defaultValue === null) return null;
  if (Buffer.isBuffer(defaultValue)) return defaultValue.length === 0 ? 'bytes' : defaultValue;
  if (Array.isArray(defaultValue)) return defaultValue.length === 0 ? '[]' : defaultValue;
  return type.kind === 'struct' ? 'struct' : defaultValue;
}

function ownFacts(fields: Fields, version: number, all: readonly number[]): FieldFacts[] {
  const at = Object.entries(fields).filter(([, field]) => includesVersion(field.versions, version));
  return at.map(([name, field]) => {
    const present = all.filter((one) => includesVersion(field.versions, one));
    return {
      name,
      type: typeName(field.type),
      nullable: includesVersion(field.nullable, version),
      tag: field.tag,
      default: ownDefault(field),
      ignorable: present.length === all.length ? undefined : field.ignorable,
      flexible: field.flexible,
      fields: ownFacts(innerFields(field.type), version, present),
    };
  });
}

/** Names of fields, from the message down, that none of the versions has. */
function deadFields(fields: Fields, versions: readonly number[], path: string): string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const at = versions.filter((version) => includesVersion(field.versions, version));
    return at.length === 0 ? [`${path}.${name}`] : deadFields(innerFields(field.type), at, `${path}.${name}`);
  });
}

type Definitions = ReadonlyMap<string, KafkaMessage>;

function parseDefinitions(texts: Iterable<string>): Definitions {
  const definitions = new Map<string, KafkaMessage>();
  for (const text of texts) {
    const definition: KafkaMessage = JSON.parse(text.replace(/^\s*\/\/.*$/gm, ''));
    definitions.set(definition.name, definition);
  }
  return definitions;
}

/** From a folder such as clients/src/main/resources/common/message of Kafka's sources. */
function fromFolder(folder: string): Definitions {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return parseDefinitions(files.map((name) => readFileSync(join(folder, name), 'utf8')));
}

async function fromRelease(): Promise<Definitions> {
  const [, artifact, version] = CLIENTS.split(':');
  const jar = join(await fetchArtifacts([CLIENTS]), `${artifact}-${version}.jar`);
  return parseDefinitions([...readJar(jar, IN_JAR).values()].map(String));
}

const missing = mavenMissing();
const haveRelease = have('mvn', missing === undefined, `Install Maven for Kafka's own definitions: ${missing}.`);
const folder = process.env.KAFKA_MESSAGES_DIR || undefined;
const sources: [string, () => Definitions | Promise<Definitions>][] = [
  ...(haveRelease ? [[CLIENTS, fromRelease] as [string, typeof fromRelease]] : []),
  ...(folder === undefined ? [] : [[folder, () => fromFolder(folder)] as [string, () => Definitions]]),
];

describe.each(sources)("Kafka's own definitions in %s", (_, load) => {
  let definitions: Definitions;
  beforeAll(async () => {
    definitions = await load();
  }, FETCH_TIMEOUT_MS);

  const definitionOf = (message: Message): KafkaMessage => {
    const definition = definitions.get(message.name);
    if (definition === undefined) throw new Error(`no definition of ${message.name}`);
    return definition;
  };

  it.each(allMessages.map((message) => [message.name, message] as const))('%s has the same fields', (_, message) => {
    const definition = definitionOf(message);
    const versions = versionsOf(message);
    for (const version of versions) {
      expect(includesVersion(message.flexible, version)).toBe(within(definition.flexibleVersions, version));
      const own = ownFacts(message.fields, version, versions);
      expect(own).toEqual(kafkaFacts(definition, definition.fields, version, versions));
    }
    expect(deadFields(message.fields, versions, message.name)).toEqual([]);
  });

  it('gives every API its key and all versions that the last release serves', () => {
    for (const api of Object.values(apis)) {
      for (const message of [api.request, api.response]) {
        const definition = definitionOf(message);
        expect(definition.apiKey).toBe(api.key);
        expect(message.name.toLowerCase()).toBe(`${api.name}${definition.type}`.toLowerCase());
        const valid = parseVersions(definition.validVersions);
        expect(message.versions).toEqual({ min: valid.min, max: CUT_OFF[api.name] ?? valid.max });
      }
    }
  });

  it('leaves out only APIs between brokers and controllers, and what is not to be served', () => {
    const requests = [...definitions.values()].filter(({ type }) => type === 'request');
    const left = requests.filter(({ apiKey }) => !(apiKey! in BY_KEY));
    const named = left.map(({ apiKey, name }) => [apiKey!, name.replace(/Request$/, '')] as const);
    // Those that a release does not have yet are from Kafka's trunk.
    const known = Object.entries(APIS_WITHOUT_SCHEMA).filter(([key]) =>
      requests.some(({ apiKey }) => apiKey === Number(key)),
    );
    expect(Object.fromEntries(named)).toEqual(Object.fromEntries(known));
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import { apis } from '../../../lib/protocol/apis.ts';
import type { Field, Fields, FieldType } from '../../../lib/protocol/schema/field.ts';
import type { Message } from '../../../lib/protocol/schema/message.ts';
import { includesVersion, parseVersions, type Versions } from '../../../lib/protocol/schema/versions.ts';
import { allMessages, versionsOf } from '../../property/protocol/arbitrary.ts';

/** The folder with Kafka's own definitions (clients/src/main/resources/common/message in its sources). */
const folder = process.env.KAFKA_MESSAGES_DIR;

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
  readonly ignorable: boolean;
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

function kafkaFacts(message: KafkaMessage, fields: readonly KafkaField[], version: number): FieldFacts[] {
  const facts: FieldFacts[] = [];
  for (const field of fields) {
    if (!within(field.versions, version)) continue;
    const elementType = field.type.replace('[]', '');
    const inner = field.fields ?? message.commonStructs?.find((common) => common.name === elementType)?.fields;
    facts.push({
      name: field.name.charAt(0).toLowerCase() + field.name.slice(1),
      type: STRUCT.test(elementType) ? field.type.replace(elementType, 'struct') : field.type,
      nullable: within(field.nullableVersions, version),
      tag: within(field.taggedVersions, version) ? field.tag : undefined,
      default: kafkaDefault(field, field.type),
      ignorable: field.ignorable ?? false,
      flexible: field.flexibleVersions !== 'none',
      fields: inner === undefined ? [] : kafkaFacts(message, inner, version),
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

function ownFacts(fields: Fields, version: number): FieldFacts[] {
  const present = Object.entries(fields).filter(([, field]) => includesVersion(field.versions, version));
  return present.map(([name, field]) => ({
    name,
    type: typeName(field.type),
    nullable: includesVersion(field.nullable, version),
    tag: field.tag,
    default: ownDefault(field),
    ignorable: field.ignorable,
    flexible: field.flexible,
    fields: ownFacts(innerFields(field.type), version),
  }));
}

/** Names of fields, from the message down, that none of the versions has. */
function deadFields(fields: Fields, versions: readonly number[], path: string): string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const at = versions.filter((version) => includesVersion(field.versions, version));
    return at.length === 0 ? [`${path}.${name}`] : deadFields(innerFields(field.type), at, `${path}.${name}`);
  });
}

function loadDefinitions(from: string): Map<string, KafkaMessage> {
  const definitions = new Map<string, KafkaMessage>();
  for (const file of readdirSync(from).filter((name) => name.endsWith('.json'))) {
    const text = readFileSync(join(from, file), 'utf8').replace(/^\s*\/\/.*$/gm, '');
    const definition: KafkaMessage = JSON.parse(text);
    definitions.set(definition.name, definition);
  }
  return definitions;
}

describe.skipIf(folder === undefined)("Kafka's own definitions (skipped unless KAFKA_MESSAGES_DIR names them)", () => {
  const definitions = folder === undefined ? new Map<string, KafkaMessage>() : loadDefinitions(folder);
  const definitionOf = (message: Message): KafkaMessage => {
    const definition = definitions.get(message.name);
    if (definition === undefined) throw new Error(`no definition of ${message.name}`);
    return definition;
  };

  it.each(allMessages.map((message) => [message.name, message] as const))('%s has the same fields', (_, message) => {
    const definition = definitionOf(message);
    for (const version of versionsOf(message)) {
      expect(includesVersion(message.flexible, version)).toBe(within(definition.flexibleVersions, version));
      expect(ownFacts(message.fields, version)).toEqual(kafkaFacts(definition, definition.fields, version));
    }
    expect(deadFields(message.fields, versionsOf(message), message.name)).toEqual([]);
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
});

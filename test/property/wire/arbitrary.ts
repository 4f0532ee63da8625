import fc from 'fast-check';
import { apis } from '../../../lib/wire/apis.ts';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../../../lib/wire/messages/consumer-protocol.ts';
import { RequestHeader, ResponseHeader } from '../../../lib/wire/messages/headers.ts';
import type { Field, Fields, FieldType, ScalarName } from '../../../lib/wire/schema/field.ts';
import type { Message } from '../../../lib/wire/schema/message.ts';
import { includesVersion } from '../../../lib/wire/schema/versions.ts';

/** Every message that has a schema. */
export const allMessages: readonly Message[] = [
  ...Object.values(apis).flatMap((api): Message[] => [api.request, api.response]),
  RequestHeader,
  ResponseHeader,
  ConsumerProtocolSubscription,
  ConsumerProtocolAssignment,
];

export function versionsOf(message: Message): number[] {
  const { min, max } = message.versions;
  return Array.from({ length: max - min + 1 }, (_, i) => min + i);
}

const ARRAY_LENGTH_MAX = 3;
const BYTES_MAX = 20;

const someBytes = fc.uint8Array({ maxLength: BYTES_MAX }).map((bytes) => Buffer.from(bytes));

const scalars: Record<ScalarName, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -(2 ** 7), max: 2 ** 7 - 1 }),
  int16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  uint16: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: fc.maxSafeInteger(),
  float64: fc.double({ noNaN: true }),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  string: fc.string({ unit: 'binary', maxLength: BYTES_MAX }),
  bytes: someBytes,
  records: someBytes,
};

function ofType(type: FieldType, version: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'scalar':
      return scalars[type.name];
    case 'array':
      return fc.array(ofType(type.element, version), { maxLength: ARRAY_LENGTH_MAX });
    case 'struct':
      return ofFields(type.fields, version);
  }
}

function ofField(field: Field, version: number): fc.Arbitrary<unknown> {
  if (!includesVersion(field.versions, version)) return fc.constant(field.defaultValue);
  const values = ofType(field.type, version);
  return includesVersion(field.nullable, version) ? fc.option(values, { nil: null, freq: 3 }) : values;
}

function ofFields(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  const model = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, ofField(field, version)]));
  return fc.record(model, { noNullPrototype: true });
}

/** Values of a message that one of its versions carries without loss. */
export function arbitraryMessage(message: Message, version: number): fc.Arbitrary<Record<string, unknown>> {
  return ofFields(message.fields, version);
}

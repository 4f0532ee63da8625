import { describe, expect, it } from 'vitest';
import { clipText } from '../../../lib/core/clip-text.ts';
import { apis } from '../../../lib/wire/apis.ts';
import { STRING_BYTES_MAX } from '../../../lib/wire/limits.ts';
import { defaultsOf, type Field, type Fields } from '../../../lib/wire/schema/field.ts';
import type { Message } from '../../../lib/wire/schema/message.ts';
import { includesVersion } from '../../../lib/wire/schema/versions.ts';
import { versionsOf } from '../../property/wire/arbitrary.ts';
import { decodeMessage, encodeMessage } from '../../support/messages.ts';

const IS_ERROR_TEXT = /errorMessage$/i;
/** Characters of four bytes; 3 more bytes than fit would end within one. */
const TOO_LONG = '\u{1f30a}'.repeat(20_000);

/** A value of the fields in which each array has one element and each error text is `text`. */
function filled(fields: Fields, version: number, text: string): Record<string, unknown> {
  const value: Record<string, unknown> = { ...defaultsOf(fields) };
  for (const [name, field] of Object.entries(fields)) {
    if (!includesVersion(field.versions, version)) continue;
    const { type } = field;
    if (IS_ERROR_TEXT.test(name)) value[name] = text;
    else if (type.kind === 'struct') value[name] = filled(type.fields, version, text);
    else if (type.kind === 'array' && type.element.kind === 'struct') {
      value[name] = [filled(type.element.fields, version, text)];
    }
  }
  return value;
}

/** Every error text in a decoded value, by the names of the fields. */
function errorTexts(value: unknown, fields: Fields): string[] {
  return Object.entries(fields).flatMap(([name, { type }]) => {
    const inner = (value as Record<string, unknown>)[name];
    if (IS_ERROR_TEXT.test(name)) return typeof inner === 'string' && inner !== '' ? [inner] : [];
    if (type.kind === 'struct' && inner !== null) return errorTexts(inner, type.fields);
    if (type.kind !== 'array' || type.element.kind !== 'struct') return [];
    const { fields: elementFields } = type.element;
    return ((inner ?? []) as unknown[]).flatMap((element) => errorTexts(element, elementFields));
  });
}

function fieldsOf(fields: Fields): [string, Field][] {
  return Object.entries(fields).flatMap(([name, field]): [string, Field][] => {
    const type = field.type.kind === 'array' ? field.type.element : field.type;
    return [[name, field], ...(type.kind === 'struct' ? fieldsOf(type.fields) : [])];
  });
}

const responses: readonly Message[] = Object.values(apis).map(({ response }): Message => response);
const withErrorTexts = responses.filter((one) => fieldsOf(one.fields).some(([name]) => IS_ERROR_TEXT.test(name)));

describe('error texts that are too long for a string', () => {
  it.each(withErrorTexts.map((one) => [one.name, one] as const))('%s cuts them off at every version', (_, message) => {
    let count = 0;
    for (const version of versionsOf(message)) {
      const bytes = encodeMessage(message, version, filled(message.fields, version, TOO_LONG));
      for (const text of errorTexts(decodeMessage(message, version, bytes), message.fields)) {
        count += 1;
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(STRING_BYTES_MAX);
        expect(Buffer.byteLength(text)).toBeGreaterThan(STRING_BYTES_MAX - 4);
        expect(text.endsWith('...') && TOO_LONG.startsWith(text.slice(0, -3))).toBe(true);
      }
    }
    expect(count).toBeGreaterThan(0);
  });

  it('are those of every API that has any', () => {
    expect(withErrorTexts.length).toBeGreaterThan(25);
  });
});

describe('clipText', () => {
  it.each([
    ['', 3, ''],
    ['abcd', 4, 'abcd'],
    ['abcde', 4, 'a...'],
    ['\u20ac\u20ac', 6, '\u20ac\u20ac'],
    ['\u20ac\u20acx', 6, '\u20ac...'],
    ['a\u20ac\u20acx', 6, 'a...'],
    ['\u{1f30a}\u{1f30a}', 7, '\u{1f30a}...'],
    ['\u{1f30a}\u{1f30a}', 6, '...'],
    ['a\ud800', 10, 'a\ufffd'],
  ])('%j in %i bytes', (text, bytes, clipped) => {
    expect(clipText(text, bytes)).toBe(clipped);
  });
});

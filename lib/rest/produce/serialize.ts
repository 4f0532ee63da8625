import { isRefusal, type Refusal } from '../answer.ts';
import { badRequest, invalidPayload } from '../errors.ts';
import { compactText, type Source } from '../json/source.ts';

/** The formats of keys and values that need no schema. */
export type RecordFormat = 'BINARY' | 'JSON' | 'STRING';

const FORMATS: readonly string[] = ['BINARY', 'JSON', 'STRING'];

/** Confluent's answer without a Schema Registry (SchemaManagerThrowing). */
export const NEEDS_REGISTRY = invalidPayload(
  'Schema Registry must be configured when using schemas. Without one, give the type BINARY, JSON or STRING.',
);

/** The format that a `type` names. Those with schemas are refused: there is no Schema Registry. */
export function formatOf(type: string | null | undefined): RecordFormat | Refusal {
  return type != null && FORMATS.includes(type) ? (type as RecordFormat) : NEEDS_REGISTRY;
}

/**
 * The bytes of a key or value; null for none (NoSchemaRecordSerializer). JSON is stored as it was
 * sent, without the white space between its parts: numbers keep their digits, objects their order.
 *
 * @param source finds the value in the text of the request
 */
export function serialize(
  format: RecordFormat,
  data: unknown,
  text: string,
  source: () => Source | undefined,
): Buffer | null | Refusal {
  if (data === null || data === undefined) return null;
  switch (format) {
    case 'BINARY':
      return typeof data === 'string' ? decodeBase64(data) : badRequest(`data=${shown(data)} is not a base64 string.`);
    case 'STRING':
      return typeof data === 'string' ? Buffer.from(data) : badRequest(`data=${shown(data)} is not a string.`);
    case 'JSON': {
      const found = source();
      return Buffer.from(found === undefined ? JSON.stringify(data) : compactText(text, found));
    }
  }
}

/** Base64 with or without its padding. Other characters are refused, and not skipped. */
export function decodeBase64(text: string): Buffer | Refusal {
  const digits = text.replace(/={1,2}$/, '');
  if (digits.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(digits)) {
    return badRequest(`data=${shown(text)} is not a valid base64 string.`);
  }
  return Buffer.from(digits, 'base64');
}

/** Characters of a wrong value that an error repeats. */
const SHOWN_CHARS_MAX = 100;

function shown(data: unknown): string {
  const text = JSON.stringify(data);
  return text.length <= SHOWN_CHARS_MAX ? text : `${text.slice(0, SHOWN_CHARS_MAX)}...`;
}

/** The headers of a record, or why one of them is refused. */
export function serializeHeaders(
  headers: readonly { readonly name: string; readonly value?: string | null | undefined }[],
): { readonly key: string; readonly value: Buffer | null }[] | Refusal {
  const serialized: { key: string; value: Buffer | null }[] = [];
  for (const { name, value } of headers) {
    const bytes = value == null ? null : decodeBase64(value);
    if (isRefusal(bytes)) return bytes;
    serialized.push({ key: name, value: bytes });
  }
  return serialized;
}

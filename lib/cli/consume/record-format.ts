import { isUtf8 } from 'node:buffer';
import { unescapeBytes } from '../escapes.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { ReadRecord } from './read-record.ts';

/** Writes one record to the output. */
export type RecordFormat = (out: OutputBuffer, record: ReadRecord, topic: string, partition: number) => void;

export interface FormatOptions {
  /** Between key and value. */
  readonly keySeparator: Buffer;
  /** After each record. */
  readonly delimiter: Buffer;
  /** The text for a null key or value. */
  readonly nullText: Buffer;
}

/** The values, byte for byte. */
export function valueFormat({ delimiter, nullText }: FormatOptions): RecordFormat {
  return (out, { value }) => {
    out.bytes(value ?? nullText);
    out.bytes(delimiter);
  };
}

/** Keys and values, byte for byte. */
export function keyValueFormat({ keySeparator, delimiter, nullText }: FormatOptions): RecordFormat {
  return (out, { key, value }) => {
    out.bytes(key ?? nullText);
    out.bytes(keySeparator);
    out.bytes(value ?? nullText);
    out.bytes(delimiter);
  };
}

/**
 * A JSON object per line, which `produce --format json` reads; bytes that are not UTF-8 are Base64.
 */
export const jsonFormat: RecordFormat = (out, { offset, timestamp, key, value, headers }, topic, partition) => {
  const object = {
    topic,
    partition,
    offset,
    timestamp,
    ...jsonBytes('key', key),
    ...jsonBytes('value', value),
    headers: headers.map((header) => ({ ...jsonBytes('key', header.key), ...jsonBytes('value', header.value) })),
  };
  out.text(`${JSON.stringify(object)}\n`);
};

function jsonBytes(name: string, bytes: Buffer | null): Readonly<Record<string, string | null>> {
  if (bytes === null) return { [name]: null };
  return isUtf8(bytes) ? { [name]: bytes.toString() } : { [`${name}Base64`]: bytes.toString('base64') };
}

/** The field of each `%` letter, as in kcat. */
const FIELDS: Readonly<Record<string, (nullText: Buffer) => RecordFormat>> = {
  t: () => (out, _record, topic) => out.text(topic),
  p: () => (out, _record, _topic, partition) => out.text(String(partition)),
  o:
    () =>
    (out, { offset }) =>
      out.text(String(offset)),
  T:
    () =>
    (out, { timestamp }) =>
      out.text(String(timestamp)),
  k:
    (nullText) =>
    (out, { key }) =>
      out.bytes(key ?? nullText),
  s:
    (nullText) =>
    (out, { value }) =>
      out.bytes(value ?? nullText),
  K:
    () =>
    (out, { key }) =>
      out.text(String(key?.length ?? -1)),
  S:
    () =>
    (out, { value }) =>
      out.text(String(value?.length ?? -1)),
  h: (nullText) => (out, record) => {
    for (const [index, { key, value }] of record.headers.entries()) {
      if (index > 0) out.text(',');
      out.bytes(key);
      out.text('=');
      out.bytes(value ?? nullText);
    }
  },
  '%': () => (out) => out.text('%'),
};

/** The letters that a template may use. */
export const TEMPLATE_LETTERS = Object.keys(FIELDS);

export type TemplateOutcome =
  | { readonly kind: 'format'; readonly format: RecordFormat }
  | { readonly kind: 'invalid'; readonly problem: string };

/**
 * Compiles a template in the syntax of kcat's `-f`: %t topic, %p partition, %o offset, %T
 * timestamp, %k key, %s value, %K and %S their lengths (-1 for null), %h headers, %% a per cent
 * sign; and the escapes of unescapeBytes. Nothing else is written.
 */
export function templateFormat(template: string, { nullText }: FormatOptions): TemplateOutcome {
  const parts: RecordFormat[] = [];
  for (const piece of template.split(/(%[\s\S]?)/)) {
    if (piece === '') continue;
    if (piece.startsWith('%')) {
      const field = Object.hasOwn(FIELDS, piece.slice(1)) ? FIELDS[piece.slice(1)] : undefined;
      if (field === undefined) {
        return {
          kind: 'invalid',
          problem: `${piece} means nothing in a template; % goes with ${TEMPLATE_LETTERS.join(' ')}.`,
        };
      }
      parts.push(field(nullText));
      continue;
    }
    const literal = unescapeBytes(piece);
    if (literal === undefined) {
      return { kind: 'invalid', problem: 'A template knows the escapes \\n \\r \\t \\0 \\\\ and \\xHH.' };
    }
    parts.push((out) => out.bytes(literal));
  }
  return {
    kind: 'format',
    format: (out, record, topic, partition) => {
      for (const part of parts) part(out, record, topic, partition);
    },
  };
}

import type { HeaderInput } from '../../records/encode.ts';
import { nearest } from '../../settings/nearest.ts';
import type { InputOutcome, RecordReader } from './input-record.ts';

/** `consume --format json` also prints `topic` and `offset`. They are ignored here. */
const FIELDS = ['key', 'keyBase64', 'value', 'valueBase64', 'headers', 'partition', 'timestamp', 'topic', 'offset'];
const HEADER_FIELDS = ['key', 'keyBase64', 'value', 'valueBase64'];
const PARTITION_MAX = 2 ** 31 - 1;

/** A problem in a record. Only this file throws and catches it. */
class InvalidRecord extends Error {}

/**
 * Reads records from JSON objects, as `consume --format json` prints them: text in `key` and
 * `value`, other bytes in `keyBase64` and `valueBase64`. A value that is an object, an array, a
 * number or a boolean is sent as compact JSON. Headers are an object of texts, or a list of `{key,
 * value}`, which can repeat a name and have `keyBase64` and `valueBase64` too. A timestamp of -1 is
 * none, as on the wire.
 *
 * @param headers added to every record
 */
export function jsonReader(headers: readonly HeaderInput[]): RecordReader {
  return (bytes): InputOutcome => {
    try {
      return { kind: 'record', record: readRecord(objectIn(bytes), headers) };
    } catch (error) {
      if (error instanceof InvalidRecord) return { kind: 'invalid', problem: error.message };
      throw error;
    }
  };
}

function objectIn(bytes: Buffer): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString());
  } catch (error) {
    throw new InvalidRecord(`is not JSON: ${(error as Error).message}.`);
  }
  if (!isObject(parsed)) throw new InvalidRecord('is not a JSON object.');
  checkFields(parsed, FIELDS);
  return parsed;
}

function readRecord(object: Record<string, unknown>, headers: readonly HeaderInput[]) {
  const { partition, timestamp } = object;
  if (partition !== undefined && !isWhole(partition, PARTITION_MAX)) {
    throw new InvalidRecord('has a partition that is no whole number from 0 on.');
  }
  if (timestamp !== undefined && !Number.isSafeInteger(timestamp)) {
    throw new InvalidRecord('has a timestamp that is no whole number of ms since 1970.');
  }
  return {
    key: bytesOf(object, 'key'),
    value: bytesOf(object, 'value'),
    headers: [...headers, ...headersOf(object.headers)],
    ...(partition !== undefined && { partition: partition as number }),
    ...(timestamp !== undefined && { timestamp: timestamp as number }),
  };
}

/** The bytes of `name` or of `nameBase64`; null if both are absent. */
function bytesOf(object: Record<string, unknown>, name: string): Buffer | null {
  const base64 = object[`${name}Base64`];
  const plain = object[name];
  if (base64 === undefined) {
    if (plain === undefined || plain === null) return null;
    return Buffer.from(typeof plain === 'string' ? plain : JSON.stringify(plain));
  }
  if (plain !== undefined) throw new InvalidRecord(`has both ${name} and ${name}Base64.`);
  if (typeof base64 !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
    throw new InvalidRecord(`has a ${name}Base64 that is not Base64.`);
  }
  return Buffer.from(base64, 'base64');
}

function headersOf(headers: unknown): HeaderInput[] {
  if (headers === undefined || headers === null) return [];
  if (Array.isArray(headers)) {
    return headers.map((header: unknown) => {
      if (!isObject(header)) throw new InvalidRecord('has a header that is not an object.');
      checkFields(header, HEADER_FIELDS);
      return { key: headerName(header), value: bytesOf(header, 'value') };
    });
  }
  if (!isObject(headers)) throw new InvalidRecord('has headers that are neither an object nor a list.');
  return Object.keys(headers).map((key) => ({ key, value: bytesOf({ value: headers[key] }, 'value') }));
}

function headerName(header: Record<string, unknown>): string | Buffer {
  if (header.keyBase64 !== undefined) return bytesOf(header, 'key')!;
  if (typeof header.key !== 'string') throw new InvalidRecord('has a header without a key.');
  return header.key;
}

function checkFields(object: Record<string, unknown>, known: readonly string[]): void {
  const odd = Object.keys(object).find((field) => !known.includes(field));
  if (odd === undefined) return;
  const suggestion = nearest(odd, known);
  throw new InvalidRecord(
    `has the unknown field ${JSON.stringify(odd)}.${suggestion === undefined ? '' : ` Did you mean ${suggestion}?`}`,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

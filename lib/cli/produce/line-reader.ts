import type { HeaderInput } from '../../records/encode.ts';
import type { InputOutcome, RecordReader } from './input-record.ts';

export interface LineFormat {
  /** The key of every record. */
  readonly key?: Buffer;
  /** Ends the key at the start of each line. */
  readonly keySeparator?: Buffer;
  /** Ends the headers `name=value,name=value` at the start of each line, before the key. */
  readonly headersSeparator?: Buffer;
  /** Headers added to every record. */
  readonly headers: readonly HeaderInput[];
  /** An empty value is a tombstone (null). */
  readonly emptyIsNull: boolean;
}

/** Reads records from lines `[headers separator][key separator]value`. */
export function lineReader(format: LineFormat): RecordReader {
  const { keySeparator, headersSeparator, emptyIsNull } = format;
  const fixedKey = format.key ?? null;
  return (line) => {
    let rest = line;
    let { headers } = format;
    let key = fixedKey;
    if (headersSeparator !== undefined) {
      const end = rest.indexOf(headersSeparator);
      if (end < 0)
        return invalid(
          `has no ${JSON.stringify(headersSeparator.toString())} behind its headers (--headers-separator).`,
        );
      const parsed = parseHeaders(rest.subarray(0, end));
      if (parsed === undefined) return invalid('has headers that are not name=value,name=value.');
      headers = [...headers, ...parsed];
      rest = rest.subarray(end + headersSeparator.length);
    }
    if (keySeparator !== undefined) {
      const end = rest.indexOf(keySeparator);
      if (end < 0)
        return invalid(`has no ${JSON.stringify(keySeparator.toString())} behind its key (--key-separator).`);
      key = rest.subarray(0, end);
      rest = rest.subarray(end + keySeparator.length);
    }
    const value = emptyIsNull && rest.length === 0 ? null : rest;
    return { kind: 'record', record: { key, value, headers } };
  };
}

/** `name=value,name=value` without escapes; empty for none; undefined if a part has no name. */
function parseHeaders(bytes: Buffer): HeaderInput[] | undefined {
  const headers: HeaderInput[] = [];
  for (let at = 0; at < bytes.length; ) {
    const comma = bytes.indexOf(',', at);
    const end = comma < 0 ? bytes.length : comma;
    const equals = bytes.indexOf('=', at);
    if (equals <= at || equals >= end) return undefined;
    headers.push({ key: bytes.subarray(at, equals), value: bytes.subarray(equals + 1, end) });
    at = end + 1;
  }
  return headers;
}

function invalid(problem: string): InputOutcome {
  return { kind: 'invalid', problem };
}

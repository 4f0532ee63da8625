import { isUtf8 } from 'node:buffer';
import type { Record } from '../../records/record.ts';
import { parseJson } from '../json/parse.ts';
import { compactText } from '../json/source.ts';
import { INSTANT_MS_MAX, shownInstant } from '../timestamp.ts';

/** `AUTO`: JSON if it is JSON, else STRING if it is text, else BINARY. */
export type StreamFormat = 'AUTO' | 'BINARY';

/**
 * The data of a record's event, in the form in which v3 takes a record. It has no line ends, which
 * would end a line of the event: JSON has none outside of its strings once it is compact.
 */
export function recordData(partition: number, record: Record, format: StreamFormat): string {
  const headers = record.headers.map(({ key, value }) => {
    return { name: key, value: value === null ? null : value.toString('base64') };
  });
  const hasInstant = record.timestamp >= 0 && record.timestamp <= INSTANT_MS_MAX;
  const timestamp = hasInstant ? `"${shownInstant(record.timestamp)}"` : 'null';
  return (
    `{"partition_id":${partition},"offset":${record.offset},"timestamp":${timestamp},` +
    `"headers":${JSON.stringify(headers)},` +
    `"key":${partData(record.key, format)},"value":${partData(record.value, format)}}`
  );
}

function partData(bytes: Buffer | null, format: StreamFormat): string {
  if (bytes === null) return 'null';
  if (format === 'AUTO' && isUtf8(bytes)) {
    const text = bytes.toString('utf8');
    // The text itself goes into the event: its numbers keep their digits.
    if (mayBeJson(text) && parseJson(text).kind === 'parsed') {
      return `{"type":"JSON","data":${compactText(text, { start: 0, end: text.length })}}`;
    }
    return `{"type":"STRING","data":${JSON.stringify(text)}}`;
  }
  return `{"type":"BINARY","data":"${bytes.toString('base64')}"}`;
}

/** The first characters of JSON: most texts that are none need not be parsed to see that. */
function mayBeJson(text: string): boolean {
  return /^[ \t\r\n]*[[{"\-0-9tfn]/.test(text);
}

/** An event: its id is where the stream is behind it. */
export function eventText(id: string, data: string, name?: string): string {
  return `${name === undefined ? '' : `event: ${name}\n`}id: ${id}\ndata: ${data}\n\n`;
}

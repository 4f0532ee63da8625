import { MalformedBytesError } from '../../core/bytes.ts';

/**
 * Body of an item of the state table: a format byte, then JSON, which can be read in the AWS
 * console.
 */
export function encodeJsonBody(format: number, value: unknown): Buffer {
  return Buffer.concat([Buffer.of(format), Buffer.from(JSON.stringify(value), 'utf8')]);
}

/** Throws MalformedBytesError for another format or for what is not JSON. */
export function decodeJsonBody(format: number, body: Buffer): unknown {
  if (body[0] !== format) throw new MalformedBytesError(`item format ${body[0]} is unknown to this program`);
  try {
    return JSON.parse(body.toString('utf8', 1));
  } catch (cause) {
    throw new MalformedBytesError('item body is not JSON', { cause });
  }
}

import { assert } from '../../core/assert.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

const PREFIX = 'cursor/';
const FORMAT = 1;

/** The sort key (under UPKEEP_PK) of a job's cursor. */
export function upkeepCursorSk(job: string): string {
  assert(/^[a-z-]+$/.test(job), `not a name of a job: ${job}`);
  return PREFIX + job;
}

/** Where a job continues; undefined: at the beginning. Only the job itself reads its content. */
export interface UpkeepCursor {
  readonly cursor: string | undefined;
}

export function encodeUpkeepCursor({ cursor }: UpkeepCursor): Buffer {
  return encodeJsonBody(FORMAT, { cursor: cursor ?? null });
}

/** Throws MalformedBytesError. */
export function decodeUpkeepCursor(body: Buffer): UpkeepCursor {
  const cursor = (decodeJsonBody(FORMAT, body) as { cursor?: unknown } | null)?.cursor;
  if (cursor === null) return { cursor: undefined };
  if (typeof cursor !== 'string') throw new MalformedBytesError('not a cursor of the upkeep');
  return { cursor };
}

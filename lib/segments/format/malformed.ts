import { MalformedBytesError } from '../../core/bytes.ts';

/** The error for bytes of a segment object that cannot be what was written. */
export function malformed(key: string, position: number, reason: string): MalformedBytesError {
  return new MalformedBytesError(`object ${key}, byte ${position}: ${reason}`);
}

/**
 * Bytes from outside that are not a valid message. A Reader throws no other error, so that its
 * callers can answer exactly this one and let bugs propagate.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** Position in the frame, bytes from its start. */
  readonly offset: number;
  /** What was expected there. */
  readonly expected: string;
  /** The path of the field that was read, from the message down; empty if it was none. */
  readonly path: string;

  constructor(offset: number, expected: string, path = '') {
    super(`${path === '' ? '' : `${path}: `}expected ${expected} at byte ${offset}`);
    this.offset = offset;
    this.expected = expected;
    this.path = path;
  }

  /** The same error with the enclosing field `name` added to its path. */
  within(name: string): DecodeError {
    return new DecodeError(this.offset, this.expected, joinPath(name, this.path));
  }
}

/** A value that its message cannot carry in this version: a bug of the caller. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
  readonly reason: string;
  readonly path: string;

  constructor(reason: string, path = '') {
    super(`${path === '' ? '' : `${path}: `}${reason}`);
    this.reason = reason;
    this.path = path;
  }

  within(name: string): EncodeError {
    return new EncodeError(this.reason, joinPath(name, this.path));
  }
}

function joinPath(name: string, path: string): string {
  return path === '' ? name : `${name}.${path}`;
}

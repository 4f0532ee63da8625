/**
 * Bytes from outside that are no valid message. The only error that a Reader throws, so that whoever decodes input can
 * turn exactly this one into an answer and let bugs through.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** Position in the frame, bytes from its start. */
  readonly offset: number;
  /** What should have been there. */
  readonly expected: string;
  /** The field being read, from the message down; empty when it was none. */
  readonly path: string;

  constructor(offset: number, expected: string, path = '') {
    super(`${path === '' ? '' : `${path}: `}expected ${expected} at byte ${offset}`);
    this.offset = offset;
    this.expected = expected;
    this.path = path;
  }

  /** The same error, seen from the field `name` that holds what failed. */
  within(name: string): DecodeError {
    return new DecodeError(this.offset, this.expected, joinPath(name, this.path));
  }
}

/** A value that its message cannot carry at the version asked for: a bug of whoever built it. */
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

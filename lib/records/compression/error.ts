/**
 * - `malformed`: the bytes are not what the codec demands, or end too early.
 * - `tooLarge`: they would give more than the caller allows.
 * - `unavailable`: this runtime cannot do it (zstd encoding before Node 22.15).
 */
export type CompressionErrorKind = 'malformed' | 'tooLarge' | 'unavailable';

/** The only error that leaves this room. */
export class CompressionError extends Error {
  override readonly name = 'CompressionError';
  readonly kind: CompressionErrorKind;

  constructor(kind: CompressionErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export function malformed(message: string, cause?: unknown): CompressionError {
  return new CompressionError('malformed', message, cause === undefined ? undefined : { cause });
}

export function tooLarge(codec: string, maxBytes: number): CompressionError {
  return new CompressionError('tooLarge', `${codec} data gives more than ${maxBytes} bytes`);
}

/**
 * - `malformed`: the bytes violate the format, or end too early.
 * - `tooLarge`: they decode to more than the caller allows.
 * - `unavailable`: this runtime lacks it (zstd encoding before Node 22.15).
 */
export type CompressionErrorKind = 'malformed' | 'tooLarge' | 'unavailable';

/** The only error that this folder's functions throw. */
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

/**
 * Thrown when the bytes of a record batch are invalid: too short, inconsistent lengths, an unknown
 * codec, compressed data that does not decode or decodes to too much (`cause` is then a
 * CompressionError). Reading records throws no other error.
 */
export class CorruptRecordError extends Error {
  override readonly name = 'CorruptRecordError';
}

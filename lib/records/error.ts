/**
 * Thrown by whatever reads record batches when their bytes are not what the format demands: too short, lengths that do
 * not add up, an unknown codec, compressed data that does not decode or gives too much (`cause` is a CompressionError
 * then). It is the only error that reading records throws.
 */
export class CorruptRecordError extends Error {
  override readonly name = 'CorruptRecordError';
}

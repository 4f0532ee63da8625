/** Decoded bytes, piece by piece: memory is bounded, whatever the data decodes to. */
export interface Pieces {
  /**
   * The next piece, possibly empty; undefined after the last. It is valid until the decoder
   * continues. Throws CompressionError ('malformed').
   */
  next(): Buffer | undefined;
}

/** Bytes that native decoders decode at once: a millisecond or two. */
export const AT_ONCE_BYTES = 1024 * 1024;

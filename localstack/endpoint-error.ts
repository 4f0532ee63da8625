/**
 * An error that the caller can correct. The message is a sentence or two: what is wrong, and what
 * to do.
 */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
}

/**
 * Something that whoever called can put right. The message is a sentence or two: what is wrong, and
 * what to do.
 */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
}

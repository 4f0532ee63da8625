/**
 * Tidelog cannot start. The message tells a user in one or two sentences what is wrong and what to
 * do.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}

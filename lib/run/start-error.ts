/** Tidelog cannot start: the message is one sentence or two for a user, what is wrong and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

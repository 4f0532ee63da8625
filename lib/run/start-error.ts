/** Tidelog cannot start. The message says in one or two sentences what is wrong and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

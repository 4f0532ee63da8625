/** A mistake in the input of a deployment. The message says in one sentence what to change. */
export class StackError extends Error {
  override readonly name = 'StackError';
}

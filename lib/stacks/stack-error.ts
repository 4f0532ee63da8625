/** What whoever deploys has to change; the message is a sentence for them. */
export class StackError extends Error {
  override readonly name = 'StackError';
}

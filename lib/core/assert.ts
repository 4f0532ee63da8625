/** Thrown when an invariant does not hold: always a bug, never an expected outcome. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Checks an invariant. Stays on in production: a wrong offset costs more than a comparison. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}

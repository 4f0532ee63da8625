/** A call that is answered with an error of HTTP's; direct invokes are told the same number. */
export interface Refusal {
  readonly kind: 'refused';
  readonly status: 400 | 403 | 404 | 405 | 413 | 415 | 421 | 500 | 503;
  /** For whoever wrote the client: what is wrong, and what is allowed. */
  readonly message: string;
}

export function refused(status: Refusal['status'], message: string): Refusal {
  return { kind: 'refused', status, message };
}

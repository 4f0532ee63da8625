/** A call that gets an HTTP error. Direct invokes get the same status number. */
export interface Refusal {
  readonly kind: 'refused';
  readonly status: 400 | 403 | 404 | 405 | 413 | 415 | 421 | 500 | 503;
  /** For the client's author: what is wrong, and what is allowed. */
  readonly message: string;
}

export function refused(status: Refusal['status'], message: string): Refusal {
  return { kind: 'refused', status, message };
}

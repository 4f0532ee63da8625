import type { RefusedReason } from '../ports.ts';

export interface Refusal {
  readonly kind: 'refused';
  readonly reason: RefusedReason;
  readonly message: string;
}

/**
 * The code of a file-system or LMDB error: a name, an errno, a negative LMDB code; undefined for
 * anything else.
 */
export function errorCode(error: unknown): string | number | undefined {
  return (error as { code?: string | number } | undefined)?.code;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function unavailable(message: string): Refusal {
  return { kind: 'refused', reason: 'unavailable', message };
}

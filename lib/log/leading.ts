import type { Leadership, Leads } from '../cluster/leadership.ts';
import type { ErrorName } from '../core/errors.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { isUnreadable } from '../journal/read.ts';

/** Makes this process lead the journal, or returns the error that says why it does not. */
export async function lead(
  leadership: Leadership,
  open: OpenJournal,
): Promise<Leads | { readonly kind: 'failed'; readonly error: ErrorName }> {
  const known = leadership.peek(open);
  if (known !== undefined) return known;
  try {
    const claim = await leadership.claim(open);
    return claim.kind === 'elsewhere' ? { kind: 'failed', error: 'NOT_LEADER_OR_FOLLOWER' } : claim;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { kind: 'failed', error: 'KAFKA_STORAGE_ERROR' };
  }
}

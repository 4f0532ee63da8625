import type { Claim, Leadership } from '../cluster/leadership.ts';
import { MalformedBytesError } from '../core/bytes.ts';
import type { RequestContext } from '../core/context.ts';
import { type ErrorName, errorCode } from '../core/errors.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { StoreUnavailableError } from '../storage/ports.ts';

/** Leads the journal from now on, or says why not. */
export async function lead(
  leadership: Leadership,
  open: OpenJournal,
): Promise<
  | { readonly kind: 'leads'; readonly epoch: number | undefined }
  | { readonly kind: 'failed'; readonly error: ErrorName }
> {
  const claim = leadership.peek(open) ?? (await claimOrFail(leadership, open));
  return claim.kind === 'elsewhere' ? { kind: 'failed', error: 'NOT_LEADER_OR_FOLLOWER' } : claim;
}

async function claimOrFail(leadership: Leadership, open: OpenJournal): Promise<Claim> {
  try {
    return await leadership.claim(open);
  } catch (error) {
    // Stored bytes of a newer format are as good as none to this program.
    if (!(error instanceof StoreUnavailableError || error instanceof MalformedBytesError)) throw error;
    return { kind: 'failed', error: 'KAFKA_STORAGE_ERROR' };
  }
}

/**
 * To be asked before an answer to a reader leaves. A client that is fenced looks in Metadata for the epoch that it was fenced
 * by, and Metadata of other nodes knows it from the leader item alone; whoever took over may have come to its end before it
 * wrote that. So a node fences nobody before it leads the journal itself. Gives why it does not, if so.
 */
export async function notToFence(
  leadership: Leadership,
  open: OpenJournal,
  error: ErrorName,
): Promise<ErrorName | undefined> {
  if (error !== 'FENCED_LEADER_EPOCH') return undefined;
  const leads = await lead(leadership, open);
  return leads.kind === 'failed' ? leads.error : undefined;
}

/** Errors with which a client is told where to go instead (KIP-951). */
const MOVED: ReadonlySet<number> = new Set([errorCode('NOT_LEADER_OR_FOLLOWER'), errorCode('FENCED_LEADER_EPOCH')]);

/**
 * Where a client that is sent away finds the leader (KIP-951): the node that should lead, and the epoch that the journal has come to,
 * as far as this process knows. Undefined where there is nothing to tell, as with any other error.
 */
export function currentLeader(leadership: Leadership, code: number, open: OpenJournal | undefined) {
  if (!MOVED.has(code) || open === undefined) return undefined;
  const { id, view } = open.journal;
  const leaderId = leadership.nodeOf(id);
  return leaderId === undefined ? undefined : { leaderId, leaderEpoch: view.leaderEpoch };
}

/** The addresses of the leaders that an answer names (KIP-951). */
export function endpointsOf(
  leadership: Leadership,
  context: RequestContext,
  leaders: Iterable<{ readonly leaderId: number } | undefined>,
) {
  const named = new Set<number>();
  for (const leader of leaders) if (leader !== undefined) named.add(leader.leaderId);
  if (named.size === 0) return [];
  return leadership.nodes(context).filter(({ nodeId }) => named.has(nodeId));
}

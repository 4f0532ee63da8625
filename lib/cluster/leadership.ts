import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { Topic } from '../topics/topics.ts';

/** A node and where the clients of one listener find it. */
export interface NodeEndpoint {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** This process leads. `epoch`: what its appends need the journal to be at; undefined for whoever appends under any epoch. */
export interface Leads {
  readonly kind: 'leads';
  readonly epoch: number | undefined;
}

/** `failed`: it could not be told, or taken over, for now. */
export type Claim = Leads | { readonly kind: 'elsewhere' } | { readonly kind: 'failed'; readonly error: ErrorName };

/** The epochs that Metadata shows: the newest that this process can know of each journal. */
export interface KnownEpochs {
  epochOf(journal: JournalId): number;
}

/**
 * Who leads what, for the handlers. Safety never rests on it: the slot decides. It gives clients one node per partition to talk
 * to, and tells those that talk to another.
 */
export interface Leadership {
  /** This process's own id. */
  readonly nodeId: number;
  /** The nodes that the clients of a request may be told of: those that have its listener. */
  nodes(context: RequestContext): readonly NodeEndpoint[];
  /** The node that a journal or group should be with; undefined if there is none. Reads nothing. */
  nodeOf(key: JournalId | string): number | undefined;
  /** Sees to it that the nodes are known as they were a moment ago. Throws StoreUnavailableError. */
  look(): Promise<void>;
  /** Whether this process leads the journal already. Reads nothing. */
  peek(open: OpenJournal): Leads | undefined;
  /** Leads the journal from now on, if it is for this process to lead it, and takes it over where need be. */
  claim(open: OpenJournal): Promise<Claim>;
  /** Whether reads that need no epoch of this process's own may be answered here. */
  mayAnswer(open: OpenJournal): Promise<boolean>;
  /** The leader epochs of topics' journals. Throws StoreUnavailableError. */
  epochs(topics: readonly Topic[]): Promise<KnownEpochs>;
}

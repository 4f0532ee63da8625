import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { Topic } from '../topics/topics.ts';

/** A node and its address for the clients of one listener. */
export interface NodeEndpoint {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/**
 * This process leads. `epoch`: the leader epoch that the journal must have for its appends;
 * undefined if it appends under any epoch.
 */
export interface Leads {
  readonly kind: 'leads';
  readonly epoch: number | undefined;
}

/** `failed`: leadership could not be determined or taken over for now. */
export type Claim = Leads | { readonly kind: 'elsewhere' } | { readonly kind: 'failed'; readonly error: ErrorName };

/** The epochs that Metadata shows: for each journal the newest that this process knows. */
export interface KnownEpochs {
  epochOf(journal: JournalId): number;
}

/**
 * Which node leads which journal. Correctness does not depend on it: the conditional put of a slot
 * decides. It gives clients one node per partition, and errors that send them there.
 */
export interface Leadership {
  /** The node id of this process. */
  readonly nodeId: number;
  /** The nodes that Metadata lists for a request: those with its listener. */
  nodes(context: RequestContext): readonly NodeEndpoint[];
  /** The node that should lead a journal or group; undefined if there is none. Reads nothing. */
  nodeOf(key: JournalId | string): number | undefined;
  /** Refreshes the node list unless it was read a moment ago. Throws StoreUnavailableError. */
  look(): Promise<void>;
  /**
   * The leadership of this process; undefined if it does not lead the journal yet. Reads nothing.
   */
  peek(open: OpenJournal): Leads | undefined;
  /** Makes this process lead the journal, if it should, and takes the journal over if necessary. */
  claim(open: OpenJournal): Promise<Claim>;
  /** Whether this process may answer reads that do not need its own leader epoch. */
  mayAnswer(open: OpenJournal): Promise<boolean>;
  /** The leader epochs of topics' journals. Throws StoreUnavailableError. */
  epochs(topics: readonly Topic[]): Promise<KnownEpochs>;
}

import type { Sent } from '../ledger.ts';
import type { SimTopic } from '../topics.ts';

/** A committed offset as a transactional producer sent it; its number is the offset's metadata in the store. */
export interface TransactionOffset {
  readonly number: number;
  readonly groupId: string;
  readonly key: string;
  /** Where the producer began to read, as it was told, and where it ended. */
  readonly from: number;
  readonly to: number;
}

/** A transaction as its producer knows it. */
export interface SimTransaction {
  /** Client, and number: what people read in a trace. */
  readonly name: string;
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly protocol: 1 | 2;
  /** What its producer has asked for. */
  asked: 'nothing' | 'commit' | 'abort';
  /** What was acknowledged. */
  readonly batches: { readonly sent: Sent; readonly topic: SimTopic }[];
  readonly offsets: TransactionOffset[];
  /** Its number in the coordinator item, once something of it has landed. */
  number: number | undefined;
  outcome: 'commit' | 'abort' | undefined;
  /** Set once the coordinator item says that it is over. */
  over: boolean;
}

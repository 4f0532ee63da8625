/** A transactional producer as a request names it. */
export interface TransactionalProducer {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
  /**
   * 2 (KIP-890: Produce 12, TxnOffsetCommit 5): what the request names is added to the transaction. 1:
   * the producer has added it before, and this is verified.
   */
  readonly protocol: 1 | 2;
}

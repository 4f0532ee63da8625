/** A position of a reader: the offset after the last record taken from a partition. */
export interface TakenOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

interface Checkpoint {
  /** Total bytes of output up to this checkpoint. */
  readonly bytes: number;
  readonly offsets: ReadonlyMap<string, TakenOffset>;
}

/**
 * The capacity of a pipe (Linux's default, see pipe(7)): up to this much output may be unread when
 * the reader exits.
 */
export const PIPE_BYTES = 64 * 1024;

/** Tracks which offsets have certainly reached the reader of the output. */
export class PassedOn {
  /** Positions handed out whose output is not completely written. */
  readonly #taken = new Map<string, TakenOffset>();
  /** Written and not committed, oldest first. Each has all positions up to it. */
  #checkpoints: Checkpoint[] = [];
  #bytes = 0;

  /** Records that all offsets below `offset` were handed out. */
  take(topic: string, partition: number, offset: number): void {
    this.#taken.set(`${topic}/${partition}`, { topic, partition, offset });
  }

  /**
   * Call before writing. Call the returned function when stdout has accepted the output of
   * everything taken so far.
   */
  beforeWriting(bytes: number): () => void {
    const offsets = new Map(this.#taken);
    return () => {
      this.#bytes += bytes;
      this.#checkpoints.push({ bytes: this.#bytes, offsets });
      // Only the newest checkpoint whose output was certainly read is needed.
      const sure = this.#checkpoints.findLastIndex((one) => this.#isRead(one));
      if (sure > 0) this.#checkpoints.splice(0, sure);
    };
  }

  /**
   * The offsets to commit: everything accepted, or, when the reader is gone, everything that cannot
   * still be in the pipe. Returns each offset once.
   */
  settle(readerIsGone: boolean): TakenOffset[] {
    const last = this.#checkpoints.findLast((one) => !readerIsGone || this.#isRead(one));
    if (last === undefined) return [];
    this.#checkpoints = this.#checkpoints.filter((one) => one.bytes > last.bytes);
    for (const [name, { offset }] of last.offsets) {
      if (this.#taken.get(name)?.offset === offset) this.#taken.delete(name);
    }
    return [...last.offsets.values()];
  }

  #isRead({ bytes }: Checkpoint): boolean {
    return bytes <= this.#bytes - PIPE_BYTES;
  }
}

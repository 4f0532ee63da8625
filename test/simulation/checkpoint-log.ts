import { apply } from '../../lib/journal/apply.ts';
import { encodeView } from '../../lib/journal/checkpoint-codec.ts';
import { emptyView } from '../../lib/journal/view.ts';
import { decodeCheckpointItem } from '../../lib/storage/items/checkpoint.ts';
import type { Item } from '../../lib/storage/ports.ts';
import type { Ledger } from './ledger.ts';

/** A view's bytes at a slot, as somebody claims them to be. */
interface Claim {
  readonly seq: number;
  readonly bytes: Buffer;
  readonly whose: string;
}

/** Gathers the checkpoints that were stored and the views that processes hold, and compares them with a replay of every entry. */
export class CheckpointLog {
  readonly #ledger: Ledger;
  readonly #claims = new Map<string, Claim[]>();
  readonly #objects = new Map<string, string>();
  stored = 0;
  inObjects = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  wrote(item: Item): void {
    const journal = item.pk.slice('checkpoint/'.length);
    const checkpoint = decodeCheckpointItem(item.body);
    this.stored++;
    if (checkpoint.kind === 'inline') {
      this.#objects.delete(journal);
      this.claim(journal, item.version, checkpoint.bytes, 'the stored checkpoint');
      return;
    }
    this.inObjects++;
    this.#objects.set(journal, checkpoint.key);
    const bytes = this.#ledger.object(checkpoint.key);
    if (bytes === undefined) {
      this.#ledger.report('objectMissing', `the checkpoint of ${journal} names ${checkpoint.key}, which is not there`);
      return;
    }
    this.claim(journal, item.version, bytes, 'the stored checkpoint');
  }

  removed(key: string): void {
    for (const [journal, named] of this.#objects) {
      if (named === key) this.#ledger.report('objectMissing', `${key} is the checkpoint of ${journal} and was deleted`);
    }
  }

  claim(journal: string, seq: number, bytes: Buffer, whose: string): void {
    const claims = this.#claims.get(journal);
    if (claims === undefined) this.#claims.set(journal, [{ seq, bytes, whose }]);
    else claims.push({ seq, bytes, whose });
  }

  /** Replays every journal from its first entry and holds each claim against it. */
  check(): void {
    for (const journal of this.#ledger.journals.values()) {
      const claims = [...(this.#claims.get(journal.id) ?? [])].sort((a, b) => a.seq - b.seq);
      const view = emptyView(journal.id);
      let next = 0;
      for (const { seq, entry, size } of journal.entries) {
        apply(view, seq, entry, size);
        for (; claims[next]?.seq === seq; next++) {
          const { bytes, whose } = claims[next]!;
          if (encodeView(view).equals(bytes)) continue;
          this.#ledger.report(
            'viewDiffers',
            `${whose} of ${journal.id} at slot ${seq} is not what its entries amount to`,
          );
        }
      }
      if (next < claims.length) {
        this.#ledger.report('viewDiffers', `${claims[next]!.whose} of ${journal.id} is ahead of the journal`);
      }
      this.#checkEnds(journal.id, view);
    }
  }

  #checkEnds(id: string, view: ReturnType<typeof emptyView>): void {
    for (const known of this.#ledger.journals.get(id)!.partitions.values()) {
      const partition = view.partitions.get(known.partition);
      const same = partition?.nextOffset === known.next && partition.logStartOffset === known.logStart;
      if (!same) this.#ledger.report('viewDiffers', `partition ${known.partition} of ${id} ends elsewhere in a replay`);
      if (partition !== undefined && partition.openTransactions.size !== known.open.size) {
        this.#ledger.report(
          'viewDiffers',
          `open transactions of partition ${known.partition} of ${id} differ in a replay`,
        );
      }
    }
  }
}

import type { Meter, MeteredCall } from '../storage/metering.ts';
import { CAUSES, type Cause, causeOf } from './causes.ts';
import { noUnits, UNITS, type Units, unitOf, unitsOf } from './charge.ts';

const CAUSE_INDEX = new Map(CAUSES.map((cause, index) => [cause, index]));
const UNIT_INDEX = new Map(UNITS.map((unit, index) => [unit, index]));

/**
 * Adds up what AWS bills for the calls of a process, by cause and unit. Its size is fixed, and a
 * call takes a few additions.
 *
 * Neither the answer to a delete nor the one to a put says how large the item was that it removed
 * or replaced. A delete is counted as that of an item of mean size: of the items of its cause that
 * the process has put, or else has read. A put is counted by its own size.
 */
export class CostMeter implements Meter {
  readonly #units = new Float64Array(CAUSES.length * UNITS.length);
  readonly #put = new Sizes();
  readonly #read = new Sizes();

  record(call: MeteredCall): void {
    const cause = CAUSE_INDEX.get(causeOf(call.kind, call.key))!;
    const unit = unitOf(call.kind);
    const isDelete = call.kind === 'journal.delete' || call.kind === 'state.delete';
    const bytesBefore = isDelete ? (this.#put.mean(cause) ?? this.#read.mean(cause)) : undefined;
    this.#units[cause * UNITS.length + UNIT_INDEX.get(unit)!]! += unitsOf(call, bytesBefore);
    if (unit === 'write' && call.outcome === 'committed' && !isDelete) this.#put.add(cause, call.bytesIn, 1);
    else if (unit === 'read') this.#read.add(cause, call.bytesOut, call.items);
  }

  /** The units so far of each cause that has any. */
  *byCause(): Iterable<readonly [Cause, Units]> {
    for (const [index, cause] of CAUSES.entries()) {
      const units = noUnits();
      UNITS.forEach((unit, offset) => {
        units[unit] = this.#units[index * UNITS.length + offset]!;
      });
      if (UNITS.some((unit) => units[unit] > 0)) yield [cause, units];
    }
  }
}

/** Sizes of items by cause. */
class Sizes {
  readonly #bytes = new Float64Array(CAUSES.length);
  readonly #items = new Float64Array(CAUSES.length);

  add(cause: number, bytes: number, items: number): void {
    this.#bytes[cause]! += bytes;
    this.#items[cause]! += items;
  }

  /** Bytes; undefined without items. */
  mean(cause: number): number | undefined {
    const items = this.#items[cause]!;
    return items === 0 ? undefined : this.#bytes[cause]! / items;
  }
}

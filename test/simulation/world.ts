import { createHash } from 'node:crypto';
import { type Random, randomInt } from '../../lib/core/random.ts';
import { DUE_PK } from '../../lib/storage/items/due.ts';
import { LEADERS_PK } from '../../lib/storage/items/leader.ts';
import { NODES_PK } from '../../lib/storage/items/node.ts';
import { IMPORTS_PK } from '../../lib/storage/items/topic-import.ts';
import { type MemoryStores, memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import type { Item } from '../../lib/storage/ports.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { CheckpointLog } from './checkpoint-log.ts';
import type { Check } from './checks.ts';
import { CleaningLedger } from './cleaning/cleaning-ledger.ts';
import { GroupLedger } from './groups/group-ledger.ts';
import { ImportLedger } from './imports/import-ledger.ts';
import { awsLatency } from './latencies.ts';
import { LeadershipLedger } from './leadership/leadership-ledger.ts';
import { Ledger } from './ledger.ts';
import { SegmentLedger } from './segment-ledger.ts';
import { watchStore } from './store-watch.ts';
import { TransactionLedger } from './transactions/transaction-ledger.ts';
import { type Rates, Troubles, type TroubleTimes } from './trouble.ts';

export interface Violation {
  /** Which checker found it. */
  readonly kind: Check;
  readonly message: string;
  /** Virtual ms since the start. */
  readonly at: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly rates: Rates;
  readonly times: TroubleTimes;
  /** Kinds of trouble that are turned off, to find what a failure needs. */
  readonly without: ReadonlySet<string>;
}

/** What all simulated processes share: one clock, one source of chance, one store, one record of what happened. */
export class World {
  readonly clock = new VirtualClock();
  readonly troubles: Troubles;
  readonly store: MemoryStores;
  readonly ledger: Ledger;
  readonly checkpoints: CheckpointLog;
  readonly segments: SegmentLedger;
  readonly groups: GroupLedger;
  readonly leadership: LeadershipLedger;
  readonly transactions: TransactionLedger;
  readonly cleaning: CleaningLedger;
  readonly imports: ImportLedger;
  readonly violations: Violation[] = [];
  readonly trace: string[] = [];
  readonly #random: Random;
  readonly #versions = new Map<string, number>();
  /** Store calls, requests and answers: what a run is made of. */
  events = 0;

  constructor(options: WorldOptions) {
    this.#random = seededRandom(options.seed);
    this.troubles = new Troubles(this.split(), () => this.clock.now(), options.rates, options.times, options.without);
    this.ledger = new Ledger(
      (kind, message) => this.report(kind, message),
      () => this.clock.now(),
    );
    this.checkpoints = new CheckpointLog(this.ledger);
    this.segments = new SegmentLedger((kind, message) => this.report(kind, message));
    this.groups = new GroupLedger(
      (kind, message) => this.report(kind, message),
      () => this.clock.monotonic(),
    );
    this.transactions = new TransactionLedger(
      this.ledger,
      this.groups,
      (kind, message) => this.report(kind, message),
      () => this.clock.now(),
      () => this.clock.monotonic(),
    );
    this.cleaning = new CleaningLedger(
      this.ledger,
      (kind, message) => this.report(kind, message),
      () => this.clock.now(),
    );
    this.imports = new ImportLedger(this.ledger, (kind, message) => this.report(kind, message));
    this.leadership = new LeadershipLedger(this.ledger, (kind, message) => this.report(kind, message));
    watchStore(this.clock, {
      wrote: (table, item, before) => this.#wrote(table, item, before),
      lost: (item) => this.transactions.lost(item),
      deleted: (table, item) => {
        this.note('deleted', table, item.pk, item.sk);
        if (table === 'journal') this.ledger.deleted(item);
        else {
          this.segments.deleted(item);
          this.cleaning.deleted(item);
          this.groups.deleted(item);
        }
      },
      stored: (key, bytes) => {
        this.note('stored', key, bytes.length);
        this.ledger.stored(key, bytes);
        this.segments.stored(key);
      },
      removed: (key) => {
        this.note('removed', key);
        this.checkpoints.removed(key);
        this.ledger.removed(key);
        this.segments.removed(key);
      },
    });
    const { troubles } = this;
    this.store = memoryStores({
      clock: this.clock,
      random: this.split(),
      faults: (call) => {
        this.events++;
        return troubles.plan(call);
      },
      latency: awsLatency,
    });
  }

  /** A source of chance of its own, so that one coroutine's draws do not move another's. */
  split(): Random {
    return seededRandom(randomInt(this.#random, 0, 2 ** 48));
  }

  /** Something that must not be. The run ends at the first. */
  report(kind: Check, message: string): void {
    this.note('VIOLATION', kind, message);
    this.violations.push({ kind, message, at: this.clock.monotonic() });
  }

  note(what: string, ...details: readonly (string | number)[]): void {
    this.trace.push(`${this.clock.monotonic().toFixed(3)} ${what} ${details.join(' ')}`);
  }

  traceHash(): string {
    return createHash('sha256').update(this.trace.join('\n')).digest('hex').slice(0, 16);
  }

  #wrote(table: 'journal' | 'state', item: Item, before: Item | undefined): void {
    this.note('wrote', table, item.pk, item.sk, `v${item.version}`, item.nonce.slice(0, 6), item.body.length);
    if (table === 'journal') {
      this.ledger.wrote(item);
      this.leadership.landed(item);
      this.transactions.landed(item);
      this.cleaning.landed(item);
      return;
    }
    const key = `${item.pk}\0${item.sk}`;
    // Leases and bodies of groups are deleted for good, and what comes late is what was there before: nothing names it.
    // What is put on the due list late is looked at once more. The item of an import that has ended does nothing to a topic
    // that exists, and the next import of the name deletes it.
    const isPart = (item.pk.startsWith('group/') && item.sk.includes('/')) || [DUE_PK, IMPORTS_PK].includes(item.pk);
    const last = isPart ? undefined : this.#versions.get(key);
    const known = last ?? before?.version ?? -1;
    if (item.version <= known && !this.cleaning.isEnded(item)) {
      this.report('versionBack', `${item.pk} ${item.sk} went from version ${known} to ${item.version}`);
    }
    this.#versions.set(key, Math.max(known, item.version));
    this.segments.wrote(item);
    this.cleaning.wrote(item);
    this.imports.wrote(item);
    if (item.pk.startsWith('checkpoint/')) this.checkpoints.wrote(item);
    else if (item.pk === LEADERS_PK) this.leadership.wrote(item);
    else if (item.pk === NODES_PK) this.leadership.wroteNode(item, before, this.clock.now());
    else this.groups.wrote(item);
    this.transactions.wrote(item);
  }
}

import { MalformedBytesError } from '../core/bytes.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import { UnreadableItems } from '../kit/unreadable-items.ts';
import { decodeNode, NODES_PK, type NodeRecord, nodeIdOfSk } from '../storage/items/node.ts';
import type { Item, StoreTime } from '../storage/ports.ts';
import type { NodesEnvironment } from './environment.ts';
import { rendezvous } from './rendezvous.ts';

/**
 * Results of `leaderOf` that are cached while the set of live nodes is unchanged; a few megabytes.
 */
const REMEMBERED_MAX = 20_000;

/** A node's item and its version, for conditional puts. */
export interface KnownNode {
  readonly node: NodeRecord;
  readonly version: number;
}

/** Whether a node is live at `now`, by store time. Pure. */
export function isLive(node: NodeRecord, now: StoreTime): boolean {
  return !node.left && now < node.at + node.sessionMs;
}

/**
 * The nodes of the fleet as of the last read. Each call compares their sessions with store time,
 * without a read, so it is cheap enough for the hot path.
 */
export class NodeList {
  readonly #env: NodesEnvironment;
  readonly #unreadable: UnreadableItems;
  #unreadableIds: ReadonlySet<number> = new Set();
  #known: readonly KnownNode[] = [];
  #live: readonly NodeRecord[] = [];
  /** The first session of `#live` ends then. */
  #liveUntil: StoreTime = Number.NEGATIVE_INFINITY;
  /** Clock.monotonic() when the newest read began. */
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #reads = new SharedReads<typeof NODES_PK, void>();
  readonly #leaders = boundedMap<string, number>(REMEMBERED_MAX);
  #generation = 0;

  constructor(env: NodesEnvironment) {
    this.#env = env;
    this.#unreadable = new UnreadableItems(env.logger);
  }

  /** The items of all nodes, including those that are not live. */
  get known(): readonly KnownNode[] {
    return this.#known;
  }

  /**
   * Ids whose items this program cannot decode, such as those of a newer version. Their processes
   * may be live.
   */
  get unreadableIds(): ReadonlySet<number> {
    return this.#unreadableIds;
  }

  /** Changes whenever the set of live nodes changes, or the process behind a live node's id. */
  get generation(): number {
    this.live();
    return this.#generation;
  }

  /** The live nodes, by id. */
  live(): readonly NodeRecord[] {
    const now = this.#env.state.now();
    if (!(now < this.#liveUntil)) this.#judge(now);
    return this.#live;
  }

  /** The live node that should lead a journal or group; undefined if there is none. */
  leaderOf(key: string): number | undefined {
    const live = this.live();
    const known = this.#leaders.get(key);
    if (known !== undefined) return known;
    const leader = rendezvous(
      key,
      live.map(({ nodeId }) => nodeId),
    );
    if (leader !== undefined) this.#leaders.set(key, leader);
    return leader;
  }

  /** Refreshes the list if it was read more than `ageMs` ago. Throws StoreUnavailableError. */
  async fresh(ageMs: number): Promise<void> {
    if (this.#env.clock.monotonic() - this.#readAt > ageMs) await this.refresh();
  }

  /**
   * Reads all nodes, strongly consistent. Concurrent calls share a read that begins after them.
   * Throws StoreUnavailableError.
   */
  refresh(): Promise<void> {
    return this.#reads.read(NODES_PK, () => this.#read());
  }

  /** Records a node that this process has just written. */
  note(node: NodeRecord, version: number): void {
    const others = this.#known.filter((one) => one.node.nodeId !== node.nodeId);
    this.#take([...others, { node, version }].sort((a, b) => a.node.nodeId - b.node.nodeId));
  }

  async #read(): Promise<void> {
    const readAt = this.#env.clock.monotonic();
    const items: Item[] = [];
    for (let from: string | undefined; ; ) {
      const page = await this.#env.state.query({ pk: NODES_PK, ...(from !== undefined && { from }), consistent: true });
      items.push(...page.items);
      const last = page.items.at(-1);
      if (!page.more || last === undefined) break;
      from = `${last.sk}\0`;
    }
    const unreadableIds = new Set<number>();
    const read: KnownNode[] = [];
    for (const item of items) {
      const node = this.#decode(item);
      if (node !== undefined) read.push(this.#newest({ node, version: item.version }));
      else unreadableIds.add(nodeIdOfSk(item.sk));
    }
    this.#unreadableIds = unreadableIds;
    this.#take(read);
    this.#readAt = readAt;
  }

  #decode(item: Item): NodeRecord | undefined {
    const name = `${item.pk}/${item.sk}`;
    try {
      const node = decodeNode(item.body);
      this.#unreadable.readable(name);
      return node;
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error;
      this.#unreadable.skip(name, error);
      return undefined;
    }
  }

  /** This process may have written a heartbeat during the read. */
  #newest(read: KnownNode): KnownNode {
    const known = this.#known.find(({ node }) => node.nodeId === read.node.nodeId);
    return known !== undefined && known.version > read.version ? known : read;
  }

  #take(known: readonly KnownNode[]): void {
    this.#known = known;
    this.#judge(this.#env.state.now());
  }

  #judge(now: StoreTime): void {
    const live = this.#known.map(({ node }) => node).filter((node) => isLive(node, now));
    const isSame =
      live.length === this.#live.length && live.every((one, at) => one.incarnation === this.#live[at]!.incarnation);
    if (!isSame) {
      this.#leaders.clear();
      this.#generation++;
    }
    this.#live = live;
    this.#liveUntil = live.reduce(
      (first, { at, sessionMs }) => Math.min(first, at + sessionMs),
      Number.POSITIVE_INFINITY,
    );
  }
}

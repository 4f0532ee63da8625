import { MalformedBytesError } from '../core/bytes.ts';
import { sleep } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import { decodeNode, encodeNode, NODES_PK, type NodeRecord, nodeSk } from '../storage/items/node.ts';
import { type Item, type PutCondition, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import type { NodesEnvironment } from './environment.ts';
import { isLive, type KnownNode, type NodeList } from './node-list.ts';

export interface RegistrationOptions {
  /** Default: the lowest free id, from NODE_ID_MIN on. */
  readonly nodeId: number | undefined;
  readonly rack: string | null;
  readonly sessionMs: number;
  readonly heartbeatMs: number;
}

export type Listeners = NodeRecord['listeners'];

export type JoinOutcome =
  | { readonly kind: 'joined'; readonly nodeId: number }
  /** Another process has the id and still sends heartbeats. */
  | { readonly kind: 'taken'; readonly nodeId: number; readonly by: NodeRecord }
  /**
   * The id's item has a format that this program cannot read, so it cannot tell whether that
   * process is live.
   */
  | { readonly kind: 'unreadable'; readonly nodeId: number };

/**
 * The first entry of every journal names node 0 as leader. Node 0 stands for processes that take
 * nothing over: functions and sidecars.
 */
export const NODE_ID_MIN = 1;

/**
 * An id is free only if its node has been silent for its session plus this, because store time has
 * a resolution of a second; ms.
 */
const TAKEN_MARGIN_MS = 1_500;

/**
 * Attempts to get an id. When two processes want the same free id, one of them has it after a round
 * or two.
 */
const ROUNDS_MAX = 20;

/** Smallest increment of an item's version, used when the time has not advanced. */
const NEXT = 1;

/**
 * Registers this process as a node: takes an id, sends heartbeats, and releases the id. Each is a
 * conditional put of the node's item, so that only one process owns an id. A process that finds
 * another one's item under its id stops being that node.
 */
export class Registration {
  readonly #env: NodesEnvironment;
  readonly #list: NodeList;
  readonly #options: RegistrationOptions;
  readonly #incarnation: string;
  #mine: KnownNode | undefined;
  #lastId: number;
  #listeners: Listeners = [];
  #running = false;
  #toldTaken = false;
  #cancelBeat = () => {};
  #beating: Promise<void> = Promise.resolve();

  constructor(env: NodesEnvironment, list: NodeList, options: RegistrationOptions) {
    this.#env = env;
    this.#list = list;
    this.#options = options;
    this.#incarnation = newNonce(env.random);
    this.#lastId = options.nodeId ?? 0;
  }

  /** The id that this process has, or had last; 0 if it never had one. */
  get nodeId(): number {
    return this.#mine?.node.nodeId ?? this.#lastId;
  }

  /**
   * Whether this process is a live node, to its knowledge. Its session ends if it stands still for
   * too long.
   */
  get isLive(): boolean {
    const id = this.#mine?.node.nodeId;
    return id !== undefined && this.#list.live().some((one) => one.nodeId === id && this.#isOwn(one));
  }

  /**
   * Takes an id and starts the heartbeats. If another process has the id, waits for the end of that
   * session; returns `taken` as soon as that process sends a heartbeat. Throws
   * StoreUnavailableError.
   */
  async join(listeners: Listeners): Promise<JoinOutcome> {
    this.#listeners = listeners;
    let first: NodeRecord | undefined;
    for (;;) {
      const outcome = await this.#register();
      if (outcome.kind === 'joined') {
        this.#env.logger.log('info', { event: 'node_joined', nodeId: outcome.nodeId });
        this.#running = true;
        this.#schedule();
        return outcome;
      }
      if (outcome.kind === 'unreadable') return outcome;
      first ??= outcome.by;
      if (outcome.by.at !== first.at || outcome.by.incarnation !== first.incarnation) return outcome;
      await sleep(this.#env.clock, this.#options.heartbeatMs);
    }
  }

  /**
   * Marks this node as gone, so that others lead its journals at once. Best effort: without it the
   * session times out.
   */
  async leave(): Promise<void> {
    this.#running = false;
    this.#cancelBeat();
    await this.#beating;
    const mine = this.#mine;
    this.#forget();
    if (mine === undefined) return;
    const node = { ...mine.node, left: true };
    const version = mine.version + NEXT;
    this.#list.note(node, version);
    const put = await putItem(
      this.#env.state,
      this.#item(node, version),
      { kind: 'version', version: mine.version },
      this.#env.clock,
      this.#env.random,
      { timeoutMs: this.#options.heartbeatMs },
    );
    this.#env.logger.log('info', { event: 'node_left', nodeId: node.nodeId, told: put.kind });
  }

  #isOwn(node: NodeRecord): boolean {
    return node.incarnation === this.#incarnation;
  }

  #forget(): void {
    this.#lastId = this.nodeId;
    this.#mine = undefined;
  }

  #schedule(): void {
    this.#cancelBeat = this.#env.clock.setTimer(this.#options.heartbeatMs, () => {
      this.#beating = this.#beat().finally(() => {
        if (this.#running) this.#schedule();
      });
    });
  }

  async #beat(): Promise<void> {
    try {
      if (this.#mine === undefined) await this.#registerAgain();
      else await this.#showLife(this.#mine);
      await this.#list.refresh();
    } catch (error) {
      // No caller awaits a heartbeat, so an error would end the process. The next heartbeat may
      // succeed.
      const isSilent = error instanceof StoreUnavailableError;
      const message =
        error instanceof Error ? (isSilent ? error.message : (error.stack ?? error.message)) : String(error);
      this.#env.logger.log(isSilent ? 'warn' : 'error', { event: 'heartbeat_failed', message });
    }
  }

  async #showLife(mine: KnownNode): Promise<void> {
    const at = this.#now();
    const node = { ...mine.node, at, listeners: this.#listeners };
    const version = Math.max(at, mine.version + NEXT);
    const item = this.#item(node, version);
    const timeoutMs = this.#options.sessionMs / 3;
    const outcome = await this.#env.state.put(item, { kind: 'version', version: mine.version }, { timeoutMs });
    switch (outcome.kind) {
      case 'committed':
        this.#has({ node, version });
        break;
      case 'conflict': {
        const found = outcome.existing && decoded(outcome.existing);
        // An earlier heartbeat of this process whose answer was lost.
        if (found !== undefined && this.#isOwn(found)) this.#has({ node: found, version: outcome.existing!.version });
        else this.#lose(found);
        break;
      }
      case 'refused':
      case 'unknown':
        throw new StoreUnavailableError(outcome.message);
    }
  }

  #has(mine: KnownNode): void {
    this.#mine = mine;
    this.#list.note(mine.node, mine.version);
  }

  #lose(by: NodeRecord | undefined): void {
    const nodeId = this.nodeId;
    this.#env.logger.log('warn', {
      event: 'node_id_lost',
      nodeId,
      by: by?.incarnation ?? 'an item that is gone or cannot be read',
    });
    this.#forget();
  }

  async #registerAgain(): Promise<void> {
    const outcome = await this.#register();
    if (outcome.kind === 'joined') {
      this.#toldTaken = false;
      this.#env.logger.log('info', { event: 'node_joined', nodeId: outcome.nodeId });
    } else if (!this.#toldTaken) {
      this.#toldTaken = true;
      const by = outcome.kind === 'taken' ? outcome.by.incarnation : 'an item that cannot be read';
      this.#env.logger.log('warn', { event: 'node_id_taken', nodeId: outcome.nodeId, by });
    }
  }

  async #register(): Promise<JoinOutcome> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      await this.#list.refresh();
      const at = this.#now();
      const { unreadableIds } = this.#list;
      const nodeId = this.#options.nodeId ?? freeId(this.#list.known, at, unreadableIds);
      if (unreadableIds.has(nodeId)) return { kind: 'unreadable', nodeId };
      const there = this.#list.known.find(({ node }) => node.nodeId === nodeId);
      if (there !== undefined && isTaken(there.node, at) && !this.#isOwn(there.node)) {
        return { kind: 'taken', nodeId, by: there.node };
      }
      const { rack, sessionMs } = this.#options;
      const listeners = this.#listeners;
      const node: NodeRecord = { nodeId, incarnation: this.#incarnation, listeners, rack, at, sessionMs, left: false };
      const version = Math.max(at, (there?.version ?? 0) + NEXT);
      const condition: PutCondition =
        there === undefined ? { kind: 'absent' } : { kind: 'version', version: there.version };
      const put = await putItem(
        this.#env.state,
        this.#item(node, version),
        condition,
        this.#env.clock,
        this.#env.random,
      );
      if (put.kind === 'committed') {
        this.#has({ node, version });
        return { kind: 'joined', nodeId };
      }
      if (put.kind !== 'conflict') throw new StoreUnavailableError(`the node could not be registered: ${put.message}`);
    }
    throw new StoreUnavailableError('the node could not be registered: others were faster each time');
  }

  #now(): StoreTime {
    return Math.floor(this.#env.state.now());
  }

  #item(node: NodeRecord, version: number): Item {
    const nonce = newNonce(this.#env.random);
    return { pk: NODES_PK, sk: nodeSk(node.nodeId), version, nonce, body: encodeNode(node) };
  }
}

/**
 * Undefined for an item that this program cannot decode. Such an item belongs to another process.
 */
function decoded({ body }: Item): NodeRecord | undefined {
  try {
    return decodeNode(body);
  } catch (error) {
    if (error instanceof MalformedBytesError) return undefined;
    throw error;
  }
}

function isTaken(node: NodeRecord, now: StoreTime): boolean {
  return isLive(node, now - TAKEN_MARGIN_MS);
}

/** The lowest free id; `unreadableIds` are not free. Pure. */
export function freeId(known: readonly KnownNode[], now: StoreTime, unreadableIds: ReadonlySet<number>): number {
  const taken = new Set(unreadableIds);
  for (const { node } of known) if (isTaken(node, now)) taken.add(node.nodeId);
  let id = NODE_ID_MIN;
  while (taken.has(id)) id++;
  return id;
}

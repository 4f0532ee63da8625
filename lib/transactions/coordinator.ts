import type { RequestContext } from '../core/context.ts';
import type { Failure } from '../core/errors.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import type { LeftTransactions } from '../log/open-transactions.ts';
import type { GroupToJoin, JoinedGroup, OffsetTransactions } from '../offsets/transactions.ts';
import { NO_PRODUCER, type TransactionState } from '../storage/items/transaction.ts';
import type { StoreTime } from '../storage/ports.ts';
import { type AddRequest, decideAdd, decideVerify } from './decide-add.ts';
import { decideEnd, decideTimeout, type EndRequest, hasTimedOut } from './decide-end.ts';
import { decideInit, type InitRequest } from './decide-init.ts';
import { isOpen, isPrepared, refused, type TransactionDecision } from './decision.ts';
import type { CoordinatorEnvironment } from './environment.ts';
import { type FinishOutcome, finishTransaction } from './finish.ts';
import type { StoredTransaction, TransactionItems } from './transaction-items.ts';

export type TransactionAnswer =
  | { readonly kind: 'ok'; readonly state: TransactionState }
  | ({ readonly kind: 'refused' } & Failure);

/** The producer id and the epoch that the client works under from now on. */
export type ProducerAnswer =
  | { readonly kind: 'ok'; readonly producerId: number; readonly producerEpoch: number }
  | ({ readonly kind: 'refused' } & Failure);

/** A request for one transactional id. */
export type OfTransaction<Request> = Request & { readonly transactionalId: string };

type Limits = Pick<RequestContext, 'deadline'>;

/** Longest time for the markers of one transaction; clients wait 30 s for a request; ms. */
const FINISH_MAX_MS = 20_000;

/**
 * Decisions for one request. Each further one follows a transaction that was finished, or a new
 * producer id, so that a few are enough; others may change the item meanwhile.
 */
const DECISIONS_MAX = 10;

/**
 * The transaction coordinator (Kafka: TransactionCoordinator). It owns nothing: every process has
 * one, and each request is decided on the item of its transactional id (docs/TRANSACTIONS.md).
 * Whoever meets a prepared transaction finishes it, and whoever meets one that has timed out aborts
 * it. If a transaction cannot be finished in time, the answer is CONCURRENT_TRANSACTIONS, after which
 * clients send the request again. All methods throw StoreUnavailableError.
 */
export class Coordinator implements LeftTransactions, OffsetTransactions {
  readonly #env: CoordinatorEnvironment;
  readonly #items: TransactionItems;
  readonly #finishing = new SharedReads<string, FinishOutcome>();

  constructor(env: CoordinatorEnvironment, items: TransactionItems) {
    this.#env = env;
    this.#items = items;
  }

  /** InitProducerId of a transactional producer. */
  async initProducerId(
    request: Omit<InitRequest, 'timeoutMaxMs' | 'newProducerId'>,
    limits: Limits,
  ): Promise<ProducerAnswer> {
    const { timeoutMaxMs } = this.#env;
    const decided = await this.#decide(request.transactionalId, limits, (state, now, newProducerId) =>
      decideInit(state, { ...request, timeoutMaxMs, newProducerId }, now),
    );
    return producerOf(decided);
  }

  /** AddPartitionsToTxn and AddOffsetsToTxn. */
  add({ transactionalId, ...request }: OfTransaction<AddRequest>, limits: Limits): Promise<TransactionAnswer> {
    return this.#decide(
      transactionalId,
      limits,
      (state, now, newProducerId) => timely(state, now, newProducerId) ?? decideAdd(state, request, now),
    );
  }

  /** AddPartitionsToTxn with `verifyOnly`: whether all that is named stands in the open transaction. */
  verify({ transactionalId, ...request }: OfTransaction<AddRequest>, limits: Limits): Promise<TransactionAnswer> {
    return this.#decide(
      transactionalId,
      limits,
      (state, now, newProducerId) => timely(state, now, newProducerId) ?? decideVerify(state, request),
    );
  }

  /** EndTxn. Answers once all markers are written. */
  async end(
    { transactionalId, ...request }: OfTransaction<Omit<EndRequest, 'newProducerId'>>,
    limits: Limits,
  ): Promise<ProducerAnswer> {
    let isLate = false;
    const decided = await this.#decide(
      transactionalId,
      limits,
      (state, now, newProducerId) => {
        const late = timely(state, now, newProducerId);
        isLate = late !== undefined;
        return late ?? decideEnd(state, { ...request, newProducerId }, now);
      },
      () => !isLate,
    );
    return producerOf(decided);
  }

  /** See OffsetTransactions. */
  async join({ groupId, protocol, ...producer }: GroupToJoin, limits: Limits = NO_LIMIT): Promise<JoinedGroup> {
    const request = { ...producer, partitions: new Map(), groups: [groupId] };
    const answer = await (protocol === 2 ? this.add(request, limits) : this.verify(request, limits));
    return answer.kind === 'ok' ? { kind: 'open', transaction: answer.state.transaction } : answer;
  }

  /** The state of a transactional id; undefined if it is unknown. Strongly consistent. */
  async read(transactionalId: string): Promise<TransactionState | undefined> {
    return (await this.#items.read(transactionalId))?.state;
  }

  /** See OffsetTransactions. */
  async meet(transactionalId: string, transaction: number): Promise<'open' | 'over'> {
    const state = await this.#meet(transactionalId);
    return state !== undefined && isOpen(state, transaction) ? 'open' : 'over';
  }

  /** See LeftTransactions. */
  async meetProducer(producerId: number): Promise<StoreTime | undefined> {
    const transactionalId = await this.#items.idOf(producerId);
    if (transactionalId === undefined) return undefined;
    const state = await this.#meet(transactionalId);
    if (state === undefined || state.producerId !== producerId) return undefined;
    // Its markers could not be written in time: the next one who meets it goes on.
    if (isPrepared(state)) return state.updatedAt;
    return state.status === 'Ongoing' ? state.startedAt + state.timeoutMs : undefined;
  }

  /** Finishes what is prepared and aborts what has timed out. The state after it. */
  async #meet(transactionalId: string): Promise<TransactionState | undefined> {
    const answer = await this.#decide(transactionalId, NO_LIMIT, (state, now, newProducerId) =>
      state === undefined ? UNKNOWN : decideTimeout(state, now, newProducerId),
    );
    return answer.kind === 'ok' ? answer.state : this.read(transactionalId);
  }

  /**
   * Decides until there is an answer. A transaction that is prepared, by this decision or by an
   * earlier one, is finished; then the request is decided again, or, if `answersPrepared` says so, it
   * is answered from the state that the put led to.
   */
  async #decide(
    transactionalId: string,
    limits: Limits,
    decide: (
      state: TransactionState | undefined,
      now: StoreTime,
      newProducerId: number | undefined,
    ) => TransactionDecision,
    answersPrepared: () => boolean = () => false,
  ): Promise<TransactionAnswer> {
    let newProducerId: number | undefined;
    for (let count = 0; count < DECISIONS_MAX; count++) {
      const step = await this.#items.step(transactionalId, (state, now) => decide(state, now, newProducerId));
      switch (step.kind) {
        case 'refused':
          return step;
        case 'needsProducerId':
          newProducerId = await this.#env.producerIds.next();
          await this.#items.name(newProducerId, transactionalId);
          break;
        case 'put':
        case 'done':
        case 'finish': {
          const { state } = step.stored;
          if (!isPrepared(state)) return { kind: 'ok', state };
          const finished = await this.#finish(step.stored, limits);
          if (finished === 'timedOut') return UNFINISHED;
          if (step.kind === 'put' && answersPrepared()) return { kind: 'ok', state };
          break;
        }
      }
    }
    return UNFINISHED;
  }

  #finish(stored: StoredTransaction, { deadline }: Limits): Promise<FinishOutcome> {
    const { transactionalId } = stored.state;
    const until = Math.min(deadline, this.#env.clock.monotonic() + FINISH_MAX_MS);
    return this.#finishing.join(`${stored.version}/${transactionalId}`, () =>
      finishTransaction(this.#env, this.#items, stored, until),
    );
  }
}

const NO_LIMIT: Limits = { deadline: Number.POSITIVE_INFINITY };

const UNKNOWN = refused('INVALID_PRODUCER_ID_MAPPING', 'the transactional id is unknown');

const UNFINISHED: TransactionAnswer = {
  kind: 'refused',
  error: 'CONCURRENT_TRANSACTIONS',
  message: 'the transaction before it is not finished yet',
};

/** The abort of a transaction that has timed out comes before the producer's own request. */
function timely(
  state: TransactionState | undefined,
  now: StoreTime,
  newProducerId: number | undefined,
): TransactionDecision | undefined {
  return state !== undefined && hasTimedOut(state, now) ? decideTimeout(state, now, newProducerId) : undefined;
}

/** A prepared state leads to the next producer id with epoch 0, if the epoch is exhausted. */
function producerOf(answer: TransactionAnswer): ProducerAnswer {
  if (answer.kind === 'refused') return answer;
  const { producerId, producerEpoch, nextProducerId } = answer.state;
  const isRolledOver = isPrepared(answer.state) && nextProducerId !== NO_PRODUCER;
  return isRolledOver
    ? { kind: 'ok', producerId: nextProducerId, producerEpoch: 0 }
    : { kind: 'ok', producerId, producerEpoch };
}

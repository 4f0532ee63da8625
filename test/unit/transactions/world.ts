import type { Failure } from '../../../lib/core/errors.ts';
import type { PendingToEnd } from '../../../lib/offsets/transactions.ts';
import type { TransactionState } from '../../../lib/storage/items/transaction.ts';
import { Coordinator } from '../../../lib/transactions/coordinator.ts';
import type { CoordinatorEnvironment, JournalMarkers, MarkersOutcome } from '../../../lib/transactions/environment.ts';
import { Joining } from '../../../lib/transactions/joining.ts';
import { ProducerIds } from '../../../lib/transactions/producer-ids.ts';
import { TransactionItems } from '../../../lib/transactions/transaction-items.ts';
import { createWorld, FOREVER, MINUTE, type Process, type World } from '../journal/world.ts';

export const TOPIC = 'AAECAwQFBgcICQoLDA0ODw';
export const OTHER_TOPIC = 'EAECAwQFBgcICQoLDA0ODw';
export const ID = 'orders';

/** The deadline of a request that has all the time. */
export const NO_LIMIT = { deadline: FOREVER };

/** One process with a coordinator. Markers and offsets go into lists instead of journals and groups. */
export interface Participant extends CoordinatorEnvironment {
  readonly process: Process;
  readonly items: TransactionItems;
  readonly coordinator: Coordinator;
  readonly joining: Joining;
  readonly written: JournalMarkers[];
  readonly ended: PendingToEnd[];
  /** What the next writes of markers come to. Default: written. */
  outcome: (markers: JournalMarkers) => MarkersOutcome | Promise<MarkersOutcome>;
}

export interface TransactionsWorld {
  readonly world: World;
  participant(): Participant;
  /** InitProducerId of a new or known id; the state after it. */
  begin(by: Participant, timeoutMs?: number): Promise<TransactionState>;
  /** The same, and a partition in its transaction. */
  open(by: Participant, timeoutMs?: number): Promise<TransactionState>;
  stored(): Promise<TransactionState>;
}

export async function createTransactionsWorld(): Promise<TransactionsWorld> {
  const world = await createWorld();
  const counts = new Map([
    [TOPIC, 2],
    [OTHER_TOPIC, 1],
  ]);
  const participant = (): Participant => {
    const process = world.process();
    const { clock, random } = process.env;
    const { state } = process.stores;
    const items = new TransactionItems({ state, clock, random });
    const written: JournalMarkers[] = [];
    const ended: PendingToEnd[] = [];
    const env: CoordinatorEnvironment = {
      ...{ state, clock, random, timeoutMaxMs: 15 * MINUTE },
      producerIds: new ProducerIds(state, clock, random),
      journals: {
        countOf: async (topicId) => counts.get(topicId),
        async write(markers) {
          written.push(markers);
          return one.outcome(markers);
        },
      },
      offsets: {
        async endPending(end) {
          ended.push(end);
        },
      },
    };
    const coordinator = new Coordinator(env, items);
    const joining = new Joining(items);
    const outcome = (): MarkersOutcome => 'written';
    const one: Participant = { ...env, process, items, coordinator, joining, written, ended, outcome };
    return one;
  };
  const reader = participant();
  const stored = async () => (await world.run(reader.items.read(ID)))!.state;
  const begin = async (by: Participant, timeoutMs = MINUTE) => {
    const request = { transactionalId: ID, timeoutMs, expected: undefined };
    const answer = await world.run(by.coordinator.initProducerId(request, NO_LIMIT));
    if (answer.kind !== 'ok') throw new Error(answer.error);
    return stored();
  };
  return {
    world,
    participant,
    begin,
    async open(by, timeoutMs) {
      const { producerId, producerEpoch } = await begin(by, timeoutMs);
      const partitions = new Map([[TOPIC, new Set([0, 1, 2])]]);
      const request = { transactionalId: ID, producerId, producerEpoch, partitions, groups: ['readers'] };
      const answer = await world.run(by.coordinator.add(request, NO_LIMIT));
      if (answer.kind !== 'ok') throw new Error(answer.error);
      return answer.state;
    },
    stored,
  };
}

/** `ok`, or the error. */
export const outcomeOf = (answer: { readonly kind: 'ok' } | ({ readonly kind: 'refused' } & Failure)) =>
  answer.kind === 'ok' ? 'ok' : answer.error;

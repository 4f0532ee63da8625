import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TransactionState } from '../../../lib/storage/items/transaction.ts';
import { decideAdd, decideVerify } from '../../../lib/transactions/decide-add.ts';
import { complete, decideEnd, decideTimeout } from '../../../lib/transactions/decide-end.ts';
import { decideExpiry } from '../../../lib/transactions/decide-expiry.ts';
import { decideInit } from '../../../lib/transactions/decide-init.ts';
import { isPrepared, type TransactionDecision } from '../../../lib/transactions/decision.ts';
import { runs } from '../../support/runs.ts';
import {
  type KafkaAnswer,
  type KafkaTransaction,
  kafkaAdd,
  kafkaComplete,
  kafkaEnd1,
  kafkaEnd2,
  kafkaExpire,
  kafkaInit,
  kafkaTimeout,
  kafkaVerify,
} from './kafka-coordinator.ts';

const TOPIC = 'AAECAwQFBgcICQoLDA0ODw';
const TIMEOUT_MS = 60_000;
const EXPIRATION_MS = 1_000_000;
const FIRST_ID = 10;

/** Which producer id and epoch a request has: what its producer believes, or something else. */
const belief = fc.record({
  producer: fc.nat(1),
  /** Mostly what it was told last. */
  epochShift: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: -2, max: 2 }) },
  ),
  older: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, { weight: 2, arbitrary: fc.constant(true) }),
});

const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('init' as const), isExpected: fc.boolean(), belief }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), partition: fc.nat(2), belief }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('offsets' as const), belief }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('verify' as const), partition: fc.nat(2), belief }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      commit: fc.boolean(),
      protocol: fc.constantFrom(1 as const, 2 as const),
      belief,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('timeout' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('complete' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

interface Known {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** Tidelog's item and Kafka's metadata of one transactional id, and what two producers were told of it. */
class Both {
  readonly #told: Known[][] = [[], []];
  #ours: TransactionState | undefined;
  #kafka: KafkaTransaction | undefined;
  #now = 1_000_000;
  #nextId = FIRST_ID;
  /** Requests that were not refused, so that a run without any is noticed. */
  passed = 0;

  /** @param epoch the epoch of the id's first producer id before the first command */
  constructor(epoch: number) {
    const state = this.#init(undefined);
    if (state.kind !== 'put') throw new Error('the first InitProducerId was refused');
    this.#ours = { ...state.state, producerEpoch: epoch };
    this.#kafka = { ...kafkaInit(undefined, undefined, FIRST_ID).after!, epoch };
    this.#nextId++;
    for (const told of this.#told) told.push({ producerId: FIRST_ID, producerEpoch: epoch });
    this.#compare('the start');
  }

  run(command: Command): void {
    this.#now += 1;
    const step = (ours: TransactionDecision | undefined, kafka: KafkaAnswer, producer?: number) =>
      this.#step(JSON.stringify(command), ours, kafka, producer);
    switch (command.kind) {
      case 'init': {
        const known = command.isExpected ? this.#believed(command.belief) : undefined;
        const expected = known === undefined ? undefined : { producerId: known.producerId, epoch: known.producerEpoch };
        step(this.#init(known), kafkaInit(this.#kafka, expected, this.#nextId), command.belief.producer);
        return;
      }
      case 'add':
      case 'offsets':
      case 'verify': {
        const { producerId, producerEpoch } = this.#believed(command.belief);
        const request = {
          ...{ producerId, producerEpoch },
          partitions: command.kind === 'offsets' ? new Map() : new Map([[TOPIC, new Set([command.partition])]]),
          groups: command.kind === 'offsets' ? ['a-group'] : [],
        };
        // AddOffsetsToTxn adds a partition of __consumer_offsets (KafkaApis.handleAddOffsetsToTxnRequest).
        const partition = command.kind === 'offsets' ? 'a-group' : `${TOPIC}-${command.partition}`;
        const asked = { producerId, epoch: producerEpoch };
        if (command.kind === 'verify') {
          step(decideVerify(this.#ours, request), kafkaVerify(this.#kafka, asked, partition));
        } else {
          step(decideAdd(this.#ours, request, this.#now), kafkaAdd(this.#kafka, asked, partition, this.#now));
        }
        return;
      }
      case 'end': {
        const { producerId, producerEpoch } = this.#believed(command.belief);
        const { commit, protocol } = command;
        const newProducerId = this.#nextId;
        const request = { producerId, producerEpoch, commit, protocol, newProducerId };
        const asked = { producerId, epoch: producerEpoch };
        const kafka =
          protocol === 1
            ? kafkaEnd1(this.#kafka, asked, commit)
            : kafkaEnd2(this.#kafka, asked, commit, newProducerId, this.#now);
        step(decideEnd(this.#ours, request, this.#now), kafka, protocol === 2 ? command.belief.producer : undefined);
        return;
      }
      case 'timeout':
        this.#now += TIMEOUT_MS + 1;
        if (this.#ours === undefined || isPrepared(this.#ours)) return;
        step(decideTimeout(this.#ours, this.#now, this.#nextId), kafkaTimeout(this.#kafka, this.#nextId));
        return;
      case 'complete':
        this.#complete();
        return;
      case 'expire': {
        if (this.#ours === undefined) return;
        const due = this.#ours.updatedAt + EXPIRATION_MS;
        expect(decideExpiry(this.#ours, due - 1, EXPIRATION_MS).kind).toBe('done');
        const expired = decideExpiry(this.#ours, due, EXPIRATION_MS);
        if (expired.kind === 'put') this.#ours = expired.state;
        this.#kafka = kafkaExpire(this.#kafka);
        this.#compare('an expiry');
      }
    }
  }

  /**
   * One request, once. Where Kafka answers CONCURRENT_TRANSACTIONS and Tidelog says `finish`, both
   * complete and the client asks again by another command.
   */
  #step(what: string, ours: TransactionDecision | undefined, kafka: KafkaAnswer, producer: number | undefined): void {
    if (ours?.kind === 'put') this.#ours = ours.state;
    this.#kafka = kafka.after;
    this.#nextId++;
    const isFence =
      ours?.kind === 'put' && ours.state.status === 'PrepareAbort' && kafka.error === 'CONCURRENT_TRANSACTIONS';
    expect(isFence ? 'finish' : answerOf(ours), what).toBe(kafkaAnswerOf(kafka));
    this.#compare(what);
    if (ours?.kind !== 'put' && ours?.kind !== 'done') return;
    this.passed++;
    if (producer === undefined || isFence) return;
    // EndTxn 5 is answered after the completion: TransactionCoordinator answers what will be.
    if (isPrepared(this.#ours!)) this.#complete();
    const { producerId, producerEpoch } = this.#ours!;
    this.#told[producer]!.push({ producerId, producerEpoch });
  }

  #complete(): void {
    if (this.#ours === undefined || !isPrepared(this.#ours)) return;
    this.#ours = complete(this.#ours, this.#now);
    this.#kafka = kafkaComplete(this.#kafka!);
    this.#compare('a completion');
  }

  #init(expected: Known | undefined): TransactionDecision {
    const limits = { timeoutMs: TIMEOUT_MS, timeoutMaxMs: TIMEOUT_MS };
    const request = { transactionalId: 't', ...limits, expected, newProducerId: this.#nextId };
    return decideInit(this.#ours, request, this.#now);
  }

  #believed({ producer, epochShift, older }: Extract<Command, { kind: 'add' }>['belief']): Known {
    const told = this.#told[producer]!;
    const { producerId, producerEpoch } = told.at(older && told.length > 1 ? -2 : -1)!;
    return { producerId, producerEpoch: Math.max(0, producerEpoch + epochShift) };
  }

  #compare(what: string): void {
    // Kafka removes what Tidelog keeps as Dead for a while.
    const ours =
      this.#ours !== undefined && this.#ours.status !== 'Dead'
        ? {
            state: this.#ours.status,
            producerId: this.#ours.producerId,
            previousProducerId: this.#ours.previousProducerId,
            nextProducerId: this.#ours.nextProducerId,
            epoch: this.#ours.producerEpoch,
            lastEpoch: this.#ours.lastProducerEpoch,
            partitions: new Set([
              ...[...this.#ours.partitions].flatMap(([topic, partitions]) =>
                [...partitions].map((one) => `${topic}-${one}`),
              ),
              ...this.#ours.groups,
            ]),
            startedAt: this.#ours.startedAt,
          }
        : undefined;
    expect(ours, what).toEqual(this.#kafka);
  }
}

function answerOf(decision: TransactionDecision | undefined): string {
  if (decision?.kind === 'refused') return decision.error;
  return decision?.kind === 'finish' ? 'finish' : 'NONE';
}

/** Where Kafka lets the client ask again, Tidelog finishes the transaction first. */
function kafkaAnswerOf({ error }: KafkaAnswer): string {
  return error === 'CONCURRENT_TRANSACTIONS' ? 'finish' : error;
}

it('ends every interleaving of two producers as Kafka does', () => {
  let passed = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 32_763, 32_765, 32_766),
      fc.array(command, { maxLength: 40 }),
      (epoch, commands) => {
        const both = new Both(epoch);
        for (const command of commands) both.run(command);
        passed += both.passed;
      },
    ),
    { numRuns: runs(10_000) },
  );
  expect(passed).toBeGreaterThan(runs(10_000));
});

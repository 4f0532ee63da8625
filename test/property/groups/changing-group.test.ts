import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { protocolOf } from '../../../lib/groups/protocols.ts';
import { ChangingGroupModel, TOPIC } from '../../support/changing-group-model.ts';
import { runs } from '../../support/runs.ts';

const PARTITIONS = 6;

type Kind = 'joinClassic' | 'joinConsumer' | 'act' | 'settle' | 'leave' | 'expire' | 'time';

const event = fc.record({
  kind: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom<Kind>('joinClassic', 'joinConsumer') },
    { weight: 14, arbitrary: fc.constant<Kind>('act') },
    { weight: 4, arbitrary: fc.constant<Kind>('settle') },
    { weight: 1, arbitrary: fc.constantFrom<Kind>('leave', 'expire', 'time') },
  ),
  who: fc.nat(11),
});

type Event = { readonly kind: Kind; readonly who: number };

/**
 * The classic member reads all partitions, and has not learned of its smaller target yet. The
 * member of the consumer protocol expires, which makes the group classic, and joins again at once.
 */
const REJOINED_BEFORE_THE_REBALANCE: Event[] = [
  { kind: 'joinClassic', who: 0 },
  { kind: 'act', who: 0 },
  { kind: 'act', who: 0 },
  { kind: 'time', who: 0 },
  { kind: 'joinConsumer', who: 0 },
  { kind: 'act', who: 0 },
  { kind: 'act', who: 1 },
  { kind: 'expire', who: 1 },
  { kind: 'act', who: 1 },
  { kind: 'act', who: 1 },
  { kind: 'act', who: 1 },
];

function play(model: ChangingGroupModel, kind: Kind, who: number): void {
  const classics = model.classics.filter(({ gone }) => !gone);
  const consumers = model.clients.filter(({ gone }) => !gone);
  const at = who % Math.max(classics.length + consumers.length, 1);
  const classic = classics[at];
  const consumer = consumers[at - classics.length];
  switch (kind) {
    case 'joinClassic':
      if (classics.length < 4) model.addClassic();
      return;
    case 'joinConsumer':
      if (consumers.length < 4) model.addClient({ names: [TOPIC], pattern: '' });
      return;
    case 'act':
      if (classic !== undefined) model.act(classic);
      if (consumer !== undefined) model.heartbeat(consumer);
      return;
    case 'settle':
      if (consumer !== undefined) model.settle(consumer);
      return;
    case 'leave':
      if (classic !== undefined) model.leaveClassic(classic);
      if (consumer !== undefined && consumer.epoch > 0) model.leave(consumer, -1);
      return;
    case 'expire':
      model.advance(1000, [...(classic === undefined ? [] : [classic]), ...(consumer === undefined ? [] : [consumer])]);
      return;
    case 'time':
      model.advance(61_000, []);
  }
}

function generationOf(model: ChangingGroupModel): number {
  return model.any === undefined ? 0 : protocolOf(model.any).summary(model.any).generation;
}

/** Rounds in which every client acts once; a classic rebalance takes each of them several. */
const ROUNDS_MAX = 25;

describe('a group that members of both protocols come to', () => {
  it('never lets two of them own a partition, and comes to rest with everything assigned', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 10, maxLength: 70 }), (events) => {
        const model = new ChangingGroupModel(PARTITIONS);
        const check = () => {
          for (const [partition, owners] of model.owners()) {
            expect(owners.length, `${partition} is with ${owners.join(' and ')}`).toBe(1);
          }
        };
        for (const { kind, who } of events) {
          const before = generationOf(model);
          play(model, kind, who);
          check();
          expect(generationOf(model)).toBeGreaterThanOrEqual(before);
        }
        // Ids that were given out and never came back, and members that are gone, end the wait for them.
        model.advance(61_000, []);
        for (let round = 0; round < ROUNDS_MAX; round++) {
          for (const client of model.classics.filter(({ gone }) => !gone)) model.act(client);
          for (const client of model.clients.filter(({ gone }) => !gone)) {
            model.heartbeat(client);
            model.settle(client);
          }
          check();
          model.advance(1, []);
        }
        const consumers = model.clients.filter(({ gone }) => !gone).length;
        const classics = model.classics.filter(({ gone }) => !gone).length;
        if (model.any === undefined || consumers + classics === 0) return;
        expect(model.any.type).toBe(consumers > 0 ? 'consumer' : 'classic');
        expect(protocolOf(model.any).summary(model.any).state).toBe('Stable');
        expect(model.owners().size).toBe(PARTITIONS);
      }),
      { numRuns: runs(1500), examples: [[REJOINED_BEFORE_THE_REBALANCE]] },
    );
  });
});

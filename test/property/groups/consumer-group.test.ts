import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../../lib/groups/consumer/protocol.ts';
import { ConsumerGroupModel, type ModelClient, type Subscription } from '../../support/consumer-group-model.ts';
import { runs } from '../../support/runs.ts';

const NAMES = ['orders', 'returns', 'stock', 'stock-eu'];

const subscription: fc.Arbitrary<Subscription> = fc.oneof(
  { weight: 4, arbitrary: fc.subarray(NAMES, { minLength: 1 }).map((names) => ({ names, pattern: '' })) },
  { weight: 1, arbitrary: fc.constantFrom('stock.*', '.*').map((pattern) => ({ names: [], pattern })) },
);

type Event =
  | {
      readonly kind: 'join';
      readonly subscription: Subscription;
      readonly instance: number;
      readonly assignor: string | null;
    }
  | { readonly kind: 'heartbeat'; readonly who: number; readonly fate: 'ok' | 'requestLost' | 'answerLost' | 'twice' }
  | { readonly kind: 'settle'; readonly who: number }
  | { readonly kind: 'subscribe'; readonly who: number; readonly subscription: Subscription }
  | { readonly kind: 'leave'; readonly who: number; readonly forNow: boolean }
  | { readonly kind: 'expire'; readonly who: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'topic'; readonly name: string; readonly partitions: number; readonly anew: boolean };

const who = fc.nat(7);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      subscription,
      // Mostly dynamic members; a static one may take over an instance id that is in use or was left.
      instance: fc.integer({ min: -4, max: 1 }),
      assignor: fc.constantFrom(null, null, 'range', 'uniform'),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('heartbeat' as const),
      who,
      fate: fc.constantFrom(
        'ok' as const,
        'ok' as const,
        'ok' as const,
        'requestLost' as const,
        'answerLost' as const,
        'twice' as const,
      ),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('settle' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), who, subscription }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who, forNow: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1000, 30_000, 61_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('topic' as const),
      name: fc.constantFrom(...NAMES),
      partitions: fc.integer({ min: 0, max: 6 }),
      anew: fc.boolean(),
    }),
  },
);

function play(model: ConsumerGroupModel, event: Event): void {
  const present = model.clients.filter(({ gone }) => !gone);
  const client = 'who' in event ? present[event.who % Math.max(present.length, 1)] : undefined;
  switch (event.kind) {
    case 'join': {
      const instance = event.instance < 0 ? null : `instance-${event.instance}`;
      if (present.length < 8) model.addClient(event.subscription, instance, event.assignor);
      return;
    }
    case 'heartbeat':
      if (client !== undefined) beat(model, client, event.fate);
      return;
    case 'settle':
      if (client !== undefined) model.settle(client);
      return;
    case 'subscribe':
      if (client !== undefined) client.subscription = event.subscription;
      return;
    case 'leave':
      if (client !== undefined && client.epoch > 0)
        model.leave(client, event.forNow && client.instanceId !== null ? -2 : -1);
      return;
    case 'expire':
      model.advance(45_000, client === undefined ? [] : [client]);
      return;
    case 'time':
      model.advance(event.ms, []);
      return;
    case 'topic': {
      const known = model.topics.get(event.name);
      if (event.partitions === 0) model.topics.delete(event.name);
      else if (known === undefined || event.anew) model.createTopic(event.name, event.partitions);
      else if (event.partitions > known.partitions)
        model.topics.set(event.name, { ...known, partitions: event.partitions });
    }
  }
}

function beat(
  model: ConsumerGroupModel,
  client: ModelClient,
  fate: 'ok' | 'requestLost' | 'answerLost' | 'twice',
): void {
  const request = model.compose(client);
  const reply = fate === 'requestLost' ? undefined : model.deliver(request);
  model.receive(client, fate === 'answerLost' ? undefined : reply);
  // Something in between has asked again, and the client hears the first answer only.
  if (fate === 'twice') model.deliver(request);
}

/** What must hold after every event. */
function checkAlways(model: ConsumerGroupModel, before: ConsumerGroupModel['group']): void {
  for (const [partition, owners] of model.owners()) {
    expect(owners.length, `${partition} is with ${owners.join(' and ')}`).toBe(1);
  }
  const { group } = model;
  if (group === undefined) return;
  expect(group.assignmentEpoch).toBeLessThanOrEqual(group.groupEpoch);
  if (before === undefined) return;
  expect(group.groupEpoch).toBeGreaterThanOrEqual(before.groupEpoch);
  expect(group.assignmentEpoch).toBeGreaterThanOrEqual(before.assignmentEpoch);
  for (const member of group.body.members) {
    const earlier = before.body.members.find(({ memberId }) => memberId === member.memberId);
    if (earlier !== undefined && member.memberEpoch !== -2) {
      expect(member.memberEpoch).toBeGreaterThanOrEqual(earlier.memberEpoch);
    }
  }
}

/** Rounds of heartbeats after which nothing may be left to do, once nothing goes wrong any more. */
const ROUNDS_MAX = 6;

function settleDown(model: ConsumerGroupModel): void {
  // Who left for a while does not come back, and its time is over.
  const staying = () => model.clients.filter(({ gone }) => !gone);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    for (const client of staying()) {
      model.heartbeat(client);
      if (!client.gone) model.settle(client);
      checkAlways(model, undefined);
    }
    const kept = new Set(staying().map(({ memberId }) => memberId));
    model.advance(
      1,
      model.clients.filter(({ memberId }) => !kept.has(memberId)),
    );
  }
}

describe('a consumer group', () => {
  it('never lets two members own a partition, never goes back, and comes to rest with everything assigned', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 5, maxLength: 50 }), (events) => {
        const model = new ConsumerGroupModel();
        for (const name of NAMES.slice(0, 3)) model.createTopic(name, 3);
        for (const one of events) {
          const before = model.group;
          play(model, one);
          checkAlways(model, before);
        }
        settleDown(model);
        const members = model.members();
        const { group } = model;
        if (group === undefined || members.length === 0) return;
        expect(stateOf(group)).toBe('Stable');
        const owners = model.owners();
        for (const topic of group.body.topics) {
          for (let partition = 0; partition < topic.partitions; partition++) {
            expect(owners.has(`${topic.topicId} ${partition}`), `${topic.name}-${partition} has an owner`).toBe(true);
          }
        }
        expect(owners.size).toBe(group.body.topics.reduce((sum, { partitions }) => sum + partitions, 0));
        // A heartbeat in a stable group changes nothing, so that nothing is written.
        for (const client of members) {
          const reply = model.heartbeat(client);
          expect(reply).toMatchObject({ kind: 'ok', assignment: null, heartbeatIntervalMs: 5000 });
        }
        expect(model.group).toEqual(group);
      }),
      { numRuns: runs(1500) },
    );
  });
});

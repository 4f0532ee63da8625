import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { errorCode } from '../../../lib/core/errors.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { countedTimers } from '../../support/counted-timers.ts';
import {
  answersIn,
  bodyOf,
  frameOf,
  invokeFrame,
  invokeOf,
  responseIn,
  responseOf,
} from '../../support/function-calls.ts';
import { clientOf, type Functions, LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { describeGroup, GroupMember } from '../../support/group-member.ts';
import { scaled } from '../../support/machine.ts';
import { batchOf, createTopic, fetchRequest, produce, type TopicName, valuesIn } from '../../support/requests.ts';

/** Of what is left, six and a half seconds are kept for the end of the call: so what waits does so for 200 ms. */
const SHORT_MS = 6_700;

let stores: ReturnType<typeof memoryStores>;
let functions: Functions;
let topic: TopicName;

beforeEach(async () => {
  stores = memoryStores({ clock: systemClock, random: systemRandom });
  functions = start();
  topic = await createTopic(clientOf(functions), 'waited-for');
});

const start = (settings: Record<string, string> = {}) =>
  startFunctions({ stores, remainingMs: SHORT_MS, environment: settings });

const context = { ...LAMBDA_CONTEXT, getRemainingTimeInMillis: () => SHORT_MS };

describe('a fetch', () => {
  const fetching = (maxWaitMs: number, minBytes = 1) => fetchRequest(topic, { maxWaitMs, minBytes });

  it('that waits longer than a function may is sent away, and waits on with what is left of its time', async () => {
    // A cold instance reads the topic first, and waits for what is left.
    await functions.ask(ApiKey.Fetch, 12, fetching(0));
    const began = performance.now();
    const first = await functions.tell(ApiKey.Fetch, 12, fetching(500));
    expect(first.kind).toBe('again');
    const token = first.kind === 'again' ? first.token : '';
    expect(Number(token)).toBeGreaterThanOrEqual(190);
    const { responses } = await functions.ask(ApiKey.Fetch, 12, fetching(500));
    expect(responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 0 });
    const third = await functions.tell(ApiKey.Fetch, 12, fetching(500), '490');
    expect(third.kind).toBe('answer');
    // 200 ms, then 500 ms in three turns, then 10 ms.
    expect(performance.now() - began).toBeLessThan(scaled(2_500));
  });

  it('gets what has come meanwhile, also at another instance', async () => {
    const first = await functions.tell(ApiKey.Fetch, 12, fetching(60_000));
    await produce(clientOf(start()), topic, batchOf(['news']));
    const next = await start().tell(ApiKey.Fetch, 12, fetching(60_000), first.kind === 'again' ? first.token : '');
    expect(valuesIn(responseOf(ApiKey.Fetch, 12, next).responses[0]!.partitions[0]!.records)).toEqual(['news']);
  });

  it('gets what comes while it waits', async () => {
    const waiting = functions.tell(ApiKey.Fetch, 12, fetching(60_000));
    await produce(clientOf(functions), topic, batchOf(['now']));
    expect(valuesIn(responseOf(ApiKey.Fetch, 12, await waiting).responses[0]!.partitions[0]!.records)).toEqual(['now']);
  });

  it('of too little data is sent away as well', async () => {
    await produce(clientOf(functions), topic, batchOf(['little']));
    expect((await functions.tell(ApiKey.Fetch, 12, fetching(60_000, 100_000))).kind).toBe('again');
  });

  it('that does not wait is answered, and does not wait for those that do', async () => {
    const began = performance.now();
    const frames = [60_000, 0].map((maxWaitMs) => frameOf(ApiKey.Fetch, 12, fetching(maxWaitMs)));
    const event = invokeOf(...frames);
    const answers = answersIn(await functions.handlers.fetch(event, LAMBDA_CONTEXT), 2);
    expect(answers.map(({ kind }) => kind)).toEqual(['again', 'answer']);
    expect(performance.now() - began).toBeLessThan(Math.min(scaled(5_000), 59_000));
  });

  it('that comes alone, without an envelope, is answered with what there is', async () => {
    const event = invokeFrame(frameOf(ApiKey.Fetch, 12, fetching(60_000)));
    const { responses } = responseIn(ApiKey.Fetch, 12, bodyOf(await functions.handlers.fetch(event, context)));
    expect(responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 0 });
  });

  it('with a token that is none waits as if it had come without', async () => {
    const answer = await functions.tell(ApiKey.Fetch, 12, fetching(60_000), '-1 or so');
    expect(answer).toMatchObject({ kind: 'again', token: expect.stringMatching(/^\d+$/) });
  });
});

describe('a join', () => {
  const DELAY = { TIDELOG_GROUP_INITIAL_REBALANCE_DELAY_MS: '900' };
  const joining = (memberId = '', groupInstanceId: string | null = null, sessionTimeoutMs = 10_000) => ({
    groupId: 'g',
    sessionTimeoutMs,
    rebalanceTimeoutMs: 10_000,
    memberId,
    groupInstanceId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('metadata') }],
  });
  const syncing = (generationId: number, memberId: string) => ({
    groupId: 'g',
    generationId,
    memberId,
    assignments: [{ memberId, assignment: Buffer.from('all') }],
  });

  it.each([2, 3])('of version %i, without a member id, makes one member however often it is sent', async (version) => {
    const instances = [start(DELAY), start(DELAY)];
    let answer = await instances[0]!.tell(ApiKey.JoinGroup, version, joining());
    let sent = 1;
    for (; answer.kind === 'again'; sent++) {
      answer = await instances[sent % 2]!.tell(ApiKey.JoinGroup, version, joining(), answer.token);
    }
    expect(sent).toBeGreaterThan(2);
    const joined = responseOf(ApiKey.JoinGroup, version, answer);
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, leader: joined.memberId });
    expect(joined.members).toHaveLength(1);
    const synced = await functions.ask(ApiKey.SyncGroup, 2, syncing(1, joined.memberId));
    expect(String(synced.assignment)).toBe('all');
  });

  it('of a static member keeps its place, and is fenced by a later self', async () => {
    const instance = start(DELAY);
    const first = await instance.tell(ApiKey.JoinGroup, 5, joining('', 'static'));
    expect(first.kind).toBe('again');
    const second = await instance.tell(ApiKey.JoinGroup, 5, joining('', 'static'));
    const fenced = await instance.tell(
      ApiKey.JoinGroup,
      5,
      joining('', 'static'),
      first.kind === 'again' ? first.token : '',
    );
    expect(responseOf(ApiKey.JoinGroup, 5, fenced).errorCode).toBe(errorCode('FENCED_INSTANCE_ID'));
    let answer = second;
    while (answer.kind === 'again')
      answer = await instance.tell(ApiKey.JoinGroup, 5, joining('', 'static'), answer.token);
    const { errorCode: code, members } = responseOf(ApiKey.JoinGroup, 5, answer);
    expect(code).toBe(0);
    expect(members).toHaveLength(1);
  });

  it('of a member that is no more is told so', async () => {
    const answer = await functions.tell(ApiKey.JoinGroup, 2, joining(), '0/nobody');
    expect(responseOf(ApiKey.JoinGroup, 2, answer).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'));
  });

  it('and the syncs of two members end in a group of two, each request at whichever instance', async () => {
    const client = { ask: clientOf(start()).ask, tell: clientOf(start()).tell };
    const other = clientOf(start());
    const [first, second] = [new GroupMember(client, 'shared'), new GroupMember(other, 'shared')];
    await first.enter();
    const entering = second.enter();
    await expect.poll(() => first.heartbeat()).toBe(errorCode('REBALANCE_IN_PROGRESS'));
    const [again, entered] = await Promise.all([first.enter(), entering]);
    expect([again.joined.generationId, entered.joined.generationId]).toEqual([2, 2]);
    expect(String(entered.synced.assignment)).toBe(second.memberId);
    expect(await describeGroup(client, 'shared')).toMatchObject({ groupState: 'Stable' });
  });

  it('does not keep a heartbeat of its envelope waiting', async () => {
    const instance = start(DELAY);
    const beat = { groupId: 'h', generationId: 1, memberId: 'm', groupInstanceId: null };
    const event = invokeOf(frameOf(ApiKey.JoinGroup, 2, joining()), frameOf(ApiKey.Heartbeat, 4, beat));
    const began = performance.now();
    const answers = answersIn(await instance.handlers.coordinate(event, LAMBDA_CONTEXT), 2);
    expect(answers.map(({ kind }) => kind)).toEqual(['again', 'answer']);
    expect(performance.now() - began).toBeLessThan(800);
  });
});

describe('after the answer', () => {
  it('nothing is left running', async () => {
    const { clock, live } = countedTimers();
    const watched = startFunctions({ stores, clock, remainingMs: SHORT_MS });
    await watched.tell(ApiKey.Fetch, 12, fetchRequest(topic, { maxWaitMs: 60_000 }));
    expect(live()).toBe(0);
    await produce(clientOf(watched), topic, batchOf(['x'.repeat(10_000)]));
    expect(live()).toBe(0);
    const member = new GroupMember(clientOf(watched), 'g');
    await member.enter();
    expect(live()).toBe(0);
    await member.leave();
    expect(live()).toBe(0);
  });
});

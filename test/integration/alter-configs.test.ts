import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CHANGES_MAX } from '../../lib/broker/alter-configs.ts';
import { type ErrorName, errorCode, errorName } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { decideBy } from '../support/authorizer.ts';
import {
  type Altered,
  APPEND,
  BROKER,
  BROKER_LOGGER,
  type Changes,
  CLIENT_METRICS,
  change,
  DELETE,
  describeOne,
  GROUP,
  type Replacement,
  replace,
  SET,
  SUBTRACT,
  TOPIC,
} from '../support/config-requests.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { batchOf, createTopic, produce } from '../support/requests.ts';

let engine: Engine;
let name: string;
let count = 0;
beforeAll(async () => {
  engine = await startEngine();
});
beforeEach(async () => {
  ({ name } = await createTopic(engine.client, `topic-${++count}`, { partitions: 2 }));
});

/** What the topic itself has set, from the store. */
async function own(topic = name): Promise<Record<string, string>> {
  return { ...(await engine.broker.admin.topics.read(topic))?.record.configs };
}

function outcomes(responses: Altered): [ErrorName, string | null][] {
  return responses.map(({ errorCode: code, errorMessage }) => [errorName(code)!, errorMessage]);
}

const DONE = [['NONE', null]];

describe('IncrementalAlterConfigs of a topic', () => {
  it('sets and deletes', async () => {
    expect(
      outcomes(await change(engine.client, [[TOPIC, name, ['retention.ms', SET, ' 5 '], ['flush.ms', SET, '6']]])),
    ).toEqual(DONE);
    expect(await own()).toEqual({ 'retention.ms': '5', 'flush.ms': '6' });
    const again: Changes = [
      TOPIC,
      name,
      ['retention.ms', DELETE],
      ['retention.bytes', DELETE, 'ignored'],
      ['nope', DELETE],
    ];
    expect(outcomes(await change(engine.client, [again]))).toEqual(DONE);
    expect(await own()).toEqual({ 'flush.ms': '6' });
  });

  it('appends to lists and subtracts from them, beginning with the default', async () => {
    const step = async (operation: number, value: string) => {
      expect(outcomes(await change(engine.client, [[TOPIC, name, ['cleanup.policy', operation, value]]]))).toEqual(
        DONE,
      );
      return (await own())['cleanup.policy'];
    };
    expect(await step(APPEND, 'compact')).toBe('delete,compact');
    expect(await step(APPEND, 'compact,delete,delete')).toBe('delete,compact');
    expect(await step(SUBTRACT, 'delete')).toBe('compact');
    expect(await step(SUBTRACT, 'delete')).toBe('compact');
    expect(await step(SUBTRACT, 'compact')).toBe('');
  });

  it('holds at once, for batches that come after it', async () => {
    const topic = await createTopic(engine.client, 'bounded');
    const batch = () => batchOf(['x'.repeat(3_000)]);
    expect((await produce(engine.client, topic, batch())).errorCode).toBe(0);
    await change(engine.client, [[TOPIC, topic.name, ['max.message.bytes', SET, '1000']]]);
    expect((await produce(engine.client, topic, batch())).errorCode).toBe(errorCode('MESSAGE_TOO_LARGE'));
    await change(engine.client, [[TOPIC, topic.name, ['max.message.bytes', DELETE]]]);
    expect((await produce(engine.client, topic, batch())).errorCode).toBe(0);
  });

  it('only validates when asked to', async () => {
    expect(outcomes(await change(engine.client, [[TOPIC, name, ['retention.ms', SET, '5']]], true))).toEqual(DONE);
    expect(outcomes(await change(engine.client, [[TOPIC, name, ['retention.ms', SET, 'x']]], true))[0]![0]).toBe(
      'INVALID_CONFIG',
    );
    expect(await own()).toEqual({});
  });

  it('writes nothing when nothing changes, and nothing at all is asked', async () => {
    await change(engine.client, [[TOPIC, name, ['retention.ms', SET, '5']]]);
    const puts = engine.meter.totals('state.put').calls;
    expect(
      outcomes(await change(engine.client, [[TOPIC, name, ['retention.ms', SET, '5'], ['flush.ms', DELETE]]])),
    ).toEqual(DONE);
    expect(outcomes(await change(engine.client, [[TOPIC, name]]))).toEqual(DONE);
    expect(await change(engine.client, [])).toEqual([]);
    expect(engine.meter.totals('state.put').calls).toBe(puts);
  });

  it.each<[string, ErrorName, RegExp, Changes[2][]]>([
    ['an unknown name', 'INVALID_CONFIG', /^Unknown topic config name: nope$/, [['nope', SET, '1']]],
    ["a name of JavaScript's own", 'INVALID_CONFIG', /Unknown topic config name: __proto__/, [['__proto__', SET, '1']]],
    [
      'no number',
      'INVALID_CONFIG',
      /^Invalid value abc for configuration retention.ms: Not a number of type LONG$/,
      [['retention.ms', SET, 'abc']],
    ],
    ['too small a number', 'INVALID_CONFIG', /retention.ms: Value must be at least -1$/, [['retention.ms', SET, '-5']]],
    [
      'too large a number',
      'INVALID_CONFIG',
      /retention.ms: Not a number of type LONG$/,
      [['retention.ms', SET, '9223372036854775808']],
    ],
    [
      'an unknown word',
      'INVALID_CONFIG',
      /cleanup.policy: String must be one of: compact, delete$/,
      [['cleanup.policy', SET, 'keep']],
    ],
    [
      'an unknown word, appended',
      'INVALID_CONFIG',
      /String must be one of: compact, delete$/,
      [['cleanup.policy', APPEND, 'keep']],
    ],
    [
      'neither true nor false',
      'INVALID_CONFIG',
      /Expected value to be either true or false$/,
      [['preallocate', SET, 'maybe']],
    ],
    [
      'no list of replicas',
      'INVALID_CONFIG',
      /must be the literal '\*' or a list/,
      [['leader.replication.throttled.replicas', SET, 'x']],
    ],
    [
      'bounds that contradict',
      'INVALID_CONFIG',
      /^conflict topic config setting min.compaction.lag.ms \(100\) > max.compaction.lag.ms \(10\)$/,
      [
        ['min.compaction.lag.ms', SET, '100'],
        ['max.compaction.lag.ms', SET, '10'],
      ],
    ],
    [
      'something appended to a number',
      'INVALID_CONFIG',
      /^Can't APPEND to key retention.ms because its type is not LIST.$/,
      [['retention.ms', APPEND, '1']],
    ],
    [
      'something subtracted from nothing known',
      'INVALID_CONFIG',
      /^Can't SUBTRACT to key nope/,
      [['nope', SUBTRACT, '1']],
    ],
    ['another number of journals', 'INVALID_CONFIG', /tidelog.journals is fixed/, [['tidelog.journals', SET, '2']]],
    [
      'a name twice',
      'INVALID_REQUEST',
      /^Error due to duplicate config keys$/,
      [
        ['retention.ms', SET, '1'],
        ['retention.ms', DELETE],
      ],
    ],
    [
      'no values',
      'INVALID_REQUEST',
      /^Null value not supported for : retention.ms, flush.ms$/,
      [
        ['retention.ms', SET, null],
        ['flush.ms', APPEND, null],
      ],
    ],
    ['an unknown operation', 'INVALID_REQUEST', /^Unknown operations type 9$/, [['retention.ms', 9, '1']]],
    [
      'one right and one wrong config',
      'INVALID_CONFIG',
      /Unknown topic config name/,
      [
        ['retention.ms', SET, '1'],
        ['nope', SET, '1'],
      ],
    ],
  ])('refuses %s, and changes nothing', async (_, error, message, changes) => {
    const [refused] = outcomes(await change(engine.client, [[TOPIC, name, ...changes]] as Changes[]));
    expect(refused).toEqual([error, expect.stringMatching(message)]);
    expect(await own()).toEqual({});
  });

  it('lets the number of journals be, and takes it as it is', async () => {
    const { name: spread } = await createTopic(engine.client, 'spread', {
      partitions: 3,
      configs: { 'tidelog.journals': '8' },
    });
    const described = await describeOne(engine.client, TOPIC, spread, 'tidelog.journals');
    expect(described).toMatchObject({ value: '3', readOnly: true, configSource: 1 });
    for (const value of ['3', '8']) {
      expect(outcomes(await change(engine.client, [[TOPIC, spread, ['tidelog.journals', SET, value]]]))).toEqual(DONE);
    }
    for (const wrong of [
      ['tidelog.journals', DELETE],
      ['tidelog.journals', SET, '2'],
    ] as [string, number, string?][]) {
      expect(outcomes(await change(engine.client, [[TOPIC, spread, wrong]]))).toEqual([
        ['INVALID_CONFIG', expect.stringMatching(/fixed/)],
      ]);
    }
    expect(outcomes(await replace(engine.client, [[TOPIC, spread, ['flush.ms', '1']]]))).toEqual(DONE);
    expect(await own(spread)).toEqual({ 'tidelog.journals': '8', 'flush.ms': '1' });
    // Where the topic says nothing itself, its number may be written back, as who copies a description does.
    expect(outcomes(await replace(engine.client, [[TOPIC, name, ['tidelog.journals', '1']]]))).toEqual(DONE);
    expect(await own()).toEqual({});
  });

  it('answers every resource in the order of the request', async () => {
    const { name: other } = await createTopic(engine.client, 'other');
    const responses = await change(engine.client, [
      [TOPIC, 'nope', ['retention.ms', SET, '5']],
      [TOPIC, name, ['retention.ms', SET, '5']],
      [TOPIC, ''],
      [TOPIC, other, ['retention.ms', SET, '6']],
      [TOPIC, 'a/b', ['retention.ms', SET, '5']],
      [TOPIC, name, ['retention.ms', SET, '5']],
      [TOPIC, 'nope', ['retention.ms', SET, 'x']],
      [TOPIC, 'nope2', ['retention.ms', SET, 'x']],
    ]);
    expect(responses.map(({ resourceName }) => resourceName)).toEqual([
      'nope',
      name,
      '',
      other,
      'a/b',
      name,
      'nope',
      'nope2',
    ]);
    const twice = ['INVALID_REQUEST', 'Each resource must appear at most once.'];
    expect(outcomes(responses)).toEqual([
      twice,
      twice,
      ['INVALID_REQUEST', 'Default topic resources are not allowed.'],
      ['NONE', null],
      ['INVALID_TOPIC_EXCEPTION', expect.stringMatching(/\w/)],
      twice,
      twice,
      ['INVALID_CONFIG', expect.stringMatching(/Not a number/)],
    ]);
    expect(await own()).toEqual({});
    expect(await own(other)).toEqual({ 'retention.ms': '6' });
    expect(outcomes(await change(engine.client, [[TOPIC, 'nope']]))).toEqual([
      ['UNKNOWN_TOPIC_OR_PARTITION', "The topic 'nope' does not exist."],
    ]);
  });

  it('keeps the changes of processes that change at the same time', async () => {
    const stores = emptyStores();
    const engines = await Promise.all([1, 2, 3].map(() => startEngine({ stores })));
    await createTopic(engines[0]!.client, 'shared');
    const names = ['retention.ms', 'flush.ms', 'segment.ms'];
    const all = await Promise.all(
      names.map((config, index) => change(engines[index]!.client, [[TOPIC, 'shared', [config, SET, '9']]])),
    );
    expect(all.flatMap(outcomes)).toEqual(names.map(() => ['NONE', null]));
    for (const one of engines) {
      const record = (await one.broker.admin.topics.read('shared'))!.record;
      expect(record.configs).toEqual(Object.fromEntries(names.map((config) => [config, '9'])));
    }
  });
});

describe('AlterConfigs of a topic', () => {
  it('replaces all of its configs', async () => {
    await change(engine.client, [[TOPIC, name, ['retention.ms', SET, '5'], ['flush.ms', SET, '6']]]);
    const wanted: Replacement = [TOPIC, name, ['flush.ms', '7']];
    expect(outcomes(await replace(engine.client, [wanted], true))).toEqual(DONE);
    expect(await own()).toEqual({ 'retention.ms': '5', 'flush.ms': '6' });
    expect(outcomes(await replace(engine.client, [wanted]))).toEqual(DONE);
    expect(await own()).toEqual({ 'flush.ms': '7' });
    expect(outcomes(await replace(engine.client, [[TOPIC, name]]))).toEqual(DONE);
    expect(await own()).toEqual({});
  });

  it.each<[string, ErrorName, RegExp, Replacement[]]>([
    [
      'the same resource twice',
      'INVALID_REQUEST',
      /at most once/,
      [
        [TOPIC, 't'],
        [TOPIC, 't'],
      ],
    ],
    ['a name twice', 'INVALID_REQUEST', /duplicate config keys/, [[TOPIC, 't', ['flush.ms', '1'], ['flush.ms', '1']]]],
    ['no value', 'INVALID_REQUEST', /^Null value not supported for : flush.ms$/, [[TOPIC, 't', ['flush.ms', null]]]],
    ['a wrong value', 'INVALID_CONFIG', /Not a number/, [[TOPIC, 't', ['flush.ms', 'soon']]]],
    ['an unknown topic', 'UNKNOWN_TOPIC_OR_PARTITION', /'t' does not exist/, [[TOPIC, 't', ['flush.ms', '1']]]],
    ['a logger', 'INVALID_REQUEST', /^Unknown resource type 8$/, [[BROKER_LOGGER, '0', ['root', 'INFO']]]],
    [
      'a setting',
      'INVALID_REQUEST',
      /^Cannot update these configs dynamically: \[num.partitions\]$/,
      [[BROKER, '0', ['num.partitions', '1']]],
    ],
  ])('refuses %s', async (_, error, message, resources) => {
    for (const one of outcomes(await replace(engine.client, resources))) {
      expect(one).toEqual([error, expect.stringMatching(message)]);
    }
  });
});

describe('altering what is no topic', () => {
  it.each<[string, ErrorName, RegExp | null, Changes]>([
    [
      'settings of the broker',
      'INVALID_REQUEST',
      /^Cannot update these configs dynamically: \[num.partitions, nope\]$/,
      [BROKER, '0', ['num.partitions', SET, '5'], ['x', DELETE], ['nope', SET, '1']],
    ],
    [
      'settings of the cluster',
      'INVALID_REQUEST',
      /^Cannot update these configs dynamically: \[log.retention.ms\]$/,
      [BROKER, '', ['log.retention.ms', SET, '5']],
    ],
    ['another broker', 'INVALID_REQUEST', /^Unexpected broker id, expected 0, but received 9$/, [BROKER, '9']],
    ['a broker without a number', 'INVALID_REQUEST', /^Node id must be an integer, but it is: x$/, [BROKER, 'x']],
    ['a logger', 'INVALID_CONFIG', /^Logger kafka does not exist!$/, [BROKER_LOGGER, '0', ['kafka', SET, 'INFO']]],
    [
      'a logger of no broker',
      'INVALID_REQUEST',
      /^Node id must be an integer, but it is: $/,
      [BROKER_LOGGER, '', ['kafka', SET, 'INFO']],
    ],
    [
      'a group',
      'INVALID_REQUEST',
      /^Unknown resource type 32$/,
      [GROUP, 'g', ['consumer.session.timeout.ms', SET, '50000']],
    ],
    [
      'client metrics',
      'INVALID_REQUEST',
      /^Unknown resource type 16$/,
      [CLIENT_METRICS, 'm', ['interval.ms', SET, '5000']],
    ],
    ['a type that is none', 'INVALID_REQUEST', /^Unknown resource type 3$/, [3, 'x', ['a', SET, 'b']]],
    ['type 0', 'INVALID_REQUEST', /^Unknown resource type 0$/, [0, 'x']],
    ['nothing of the broker', 'NONE', null, [BROKER, '0', ['num.partitions', DELETE]]],
    ['nothing of its loggers', 'NONE', null, [BROKER_LOGGER, '0']],
  ])('%s', async (_, error, message, resource) => {
    const expected = message === null ? null : expect.stringMatching(message);
    for (const validateOnly of [false, true]) {
      expect(outcomes(await change(engine.client, [resource], validateOnly))).toEqual([[error, expected]]);
    }
  });
});

describe('too much in one request', () => {
  it('is refused without a read', async () => {
    const many = Array.from({ length: 100_000 }, (_, index): Changes => [TOPIC, `t${index}`]);
    const calls = engine.meter.totals('state.get').calls;
    const responses = await change(engine.client, many);
    expect(responses).toHaveLength(many.length);
    expect(new Set(responses.map((one) => one.errorCode))).toEqual(new Set([errorCode('POLICY_VIOLATION')]));
    expect(engine.meter.totals('state.get').calls).toBe(calls);
    const configs = Array.from({ length: CHANGES_MAX }, (_, index) => [`c${index}`, DELETE] as const);
    expect(outcomes(await change(engine.client, [[TOPIC, name, ...configs]]))[0]![0]).toBe('POLICY_VIOLATION');
    expect(outcomes(await change(engine.client, [[TOPIC, name, ...configs.slice(1)]]))).toEqual(DONE);
  });

  it('is not begun once nobody waits for it', async () => {
    const gone = new AbortController();
    gone.abort();
    const client = engine.clientUntil(gone.signal);
    expect(outcomes(await change(client, [[TOPIC, name, ['flush.ms', SET, '1']]]))[0]![0]).toBe('REQUEST_TIMED_OUT');
    expect(await own()).toEqual({});
  });
});

describe('who may not alter', () => {
  it('is told so by resource', async () => {
    const guarded = await startEngine();
    await createTopic(guarded.client, 'mine');
    await createTopic(guarded.client, 'theirs');
    const asked: string[] = [];
    const broker = { ...guarded.broker };
    Object.assign(guarded.broker, {
      authorize: decideBy((operation, resource) => {
        const name = 'name' in resource ? resource.name : '';
        asked.push(`${operation} ${resource.type} ${name}`);
        return name === 'mine';
      }),
    });
    const responses = await change(guarded.client, [
      [TOPIC, 'mine', ['flush.ms', SET, '1']],
      [TOPIC, 'theirs', ['flush.ms', SET, '1']],
      [BROKER, '0', ['flush.ms', SET, '1']],
    ]);
    Object.assign(guarded.broker, { authorize: broker.authorize });
    expect(outcomes(responses).map(([error]) => error)).toEqual([
      'NONE',
      'TOPIC_AUTHORIZATION_FAILED',
      'CLUSTER_AUTHORIZATION_FAILED',
    ]);
    expect(asked).toEqual(['ALTER_CONFIGS TOPIC mine', 'ALTER_CONFIGS TOPIC theirs', 'ALTER_CONFIGS CLUSTER ']);
    const { topics } = await guarded.client.ask(ApiKey.Metadata, 12, { topics: [{ name: 'theirs' }] });
    expect(topics).toMatchObject([{ errorCode: 0 }]);
  });
});

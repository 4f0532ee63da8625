import { describe, expect, it } from 'vitest';
import { GATEWAY_RIGHTS, RIGHTS, type Rights } from '../../lib/stacks/rights.ts';
import { FRONT_DOORS, FUNCTION_NAMES, type FunctionName } from '../../lib/stacks/stages.ts';
import type { CallKind } from '../../lib/storage/ports.ts';
import { FUNCTION_RIGHTS } from '../support/function-rights.ts';
import { type Grant, grantsOf, synthesized } from './synthesized.ts';

const READ_ITEM = 'dynamodb:GetItem';
const QUERY = 'dynamodb:Query';
const PUT_ITEM = 'dynamodb:PutItem';
const DELETE_ITEM = 'dynamodb:DeleteItem';

/** Written out, so that a change of the rights has to be made twice. */
const EXPECTED: Readonly<Record<FunctionName, Readonly<Record<string, readonly string[]>>>> = {
  produce: {
    journal: [QUERY, PUT_ITEM],
    state: [READ_ITEM, QUERY, PUT_ITEM],
    objects: ['s3:GetObject', 's3:PutObject'],
    bucket: ['s3:ListBucket'],
    logs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    seal: ['lambda:InvokeFunction'],
  },
  fetch: {
    journal: [QUERY],
    state: [READ_ITEM, QUERY],
    objects: ['s3:GetObject'],
    bucket: ['s3:ListBucket'],
    logs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    seal: ['lambda:InvokeFunction'],
  },
  coordinate: {
    state: [READ_ITEM, QUERY, PUT_ITEM, DELETE_ITEM],
    logs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    seal: ['lambda:InvokeFunction'],
  },
  admin: {
    journal: [QUERY, PUT_ITEM],
    state: [READ_ITEM, QUERY, PUT_ITEM],
    objects: ['s3:GetObject', 's3:PutObject'],
    bucket: ['s3:ListBucket'],
    logs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  },
  rest: {
    journal: [QUERY, PUT_ITEM],
    state: [READ_ITEM, QUERY, PUT_ITEM, DELETE_ITEM],
    objects: ['s3:GetObject', 's3:PutObject'],
    bucket: ['s3:ListBucket'],
    logs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    seal: ['lambda:InvokeFunction'],
  },
  maintain: {
    state: [READ_ITEM, QUERY, PUT_ITEM, DELETE_ITEM],
    objects: ['s3:DeleteObject'],
    bucket: ['s3:ListBucket'],
    logs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  },
  seal: {
    journal: [READ_ITEM, QUERY, PUT_ITEM, DELETE_ITEM],
    state: [READ_ITEM, QUERY, PUT_ITEM, DELETE_ITEM],
    objects: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    bucket: ['s3:ListBucket'],
    logs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  },
};

/** What the calls of a store need; reads of objects need the list, too, to be told 404 instead of 403. */
const ACTIONS: Readonly<Partial<Record<CallKind, readonly string[]>>> = {
  'journal.get': ['journalTable dynamodb:GetItem'],
  'journal.query': ['journalTable dynamodb:Query'],
  'journal.put': ['journalTable dynamodb:PutItem'],
  'journal.delete': ['journalTable dynamodb:DeleteItem'],
  'state.get': ['stateTable dynamodb:GetItem'],
  'state.query': ['stateTable dynamodb:Query'],
  'state.put': ['stateTable dynamodb:PutItem'],
  'state.delete': ['stateTable dynamodb:DeleteItem'],
  'blobs.get': ['objects s3:GetObject', 'bucket s3:ListBucket'],
  'blobs.getRange': ['objects s3:GetObject', 'bucket s3:ListBucket'],
  'blobs.put': ['objects s3:PutObject'],
  'blobs.delete': ['objects s3:DeleteObject'],
  'blobs.list': ['bucket s3:ListBucket'],
};

const { service, gateway } = synthesized();

function of(name: FunctionName, grants: readonly Grant[] = grantsOf(service)): Record<string, readonly string[]> {
  const own = grants.filter(({ at }) => at.includes(`Functions${name.charAt(0).toUpperCase()}${name.slice(1)}Role`));
  return Object.fromEntries(own.map(({ actions, resources }) => [kindOf(resources), actions]));
}

/** Which store a statement is about; every statement names exactly one resource. */
function kindOf(resources: readonly unknown[]): string {
  expect(resources).toHaveLength(1);
  const text = JSON.stringify(resources[0]);
  if (text.includes('JournalTableName')) return 'journal';
  if (text.includes('StateTableName')) return 'state';
  if (text.includes('BucketName')) return text.includes('/*') ? 'objects' : 'bucket';
  if (text.includes('Logs')) return 'logs';
  if (text.includes('FunctionsSealFunction')) return 'seal';
  return text;
}

function listed(rights: Rights): string[] {
  return Object.entries(rights)
    .flatMap(([store, actions]) => (actions as string[]).map((action) => `${store} ${action}`))
    .sort();
}

function needed(calls: readonly CallKind[]): string[] {
  return [...new Set(calls.flatMap((call) => ACTIONS[call]!))].sort();
}

describe('a function', () => {
  it.each(FUNCTION_NAMES)('%s may do what it is for, and nothing else', (name) => {
    expect(of(name)).toEqual(EXPECTED[name]);
  });

  it.each(FUNCTION_NAMES)('%s may make the calls that its stores let through, and no others', (name) => {
    expect(listed(RIGHTS[name])).toEqual(needed(FUNCTION_RIGHTS[name]));
  });

  it('that fetches cannot write', () => {
    const actions = Object.values(of('fetch')).flat();
    expect(actions.filter((action) => /Put|Update|Delete|Write|Create/.test(action)).sort()).toEqual([
      'logs:CreateLogStream',
      'logs:PutLogEvents',
    ]);
  });

  it('that produces cannot delete', () => {
    expect(
      Object.values(of('produce'))
        .flat()
        .filter((action) => /Delete/.test(action)),
    ).toEqual([]);
  });

  it('may delete entries if it is the one that seals, and only then', () => {
    const names = FUNCTION_NAMES.filter((name) => (of(name).journal ?? []).includes(DELETE_ITEM));
    expect(names).toEqual(['seal']);
  });

  it('has a role of its own that only Lambda takes on', () => {
    const roles = Object.entries(service.findResources('AWS::IAM::Role')).filter(([id]) => id.includes('Functions'));
    expect(roles).toHaveLength(FUNCTION_NAMES.length);
    for (const [, { Properties }] of roles) {
      expect(Properties.ManagedPolicyArns).toBeUndefined();
      expect(Properties.AssumeRolePolicyDocument.Statement).toEqual([
        { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } },
      ]);
    }
  });
});

describe("a customer's key", () => {
  const TABLE_KEY = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const BUCKET_KEY = 'arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab';
  const keyed = synthesized({ tableKey: TABLE_KEY, bucketKey: BUCKET_KEY });
  const reading = ['kms:Decrypt', 'kms:DescribeKey'];
  const writing = [
    ...reading,
    'kms:Encrypt',
    'kms:ReEncryptFrom',
    'kms:ReEncryptTo',
    'kms:GenerateDataKey',
    'kms:GenerateDataKeyWithoutPlaintext',
  ];
  const EXPECTED_USES: Readonly<Record<FunctionName | 'gateway', Readonly<Record<string, readonly string[]>>>> = {
    produce: { [TABLE_KEY]: writing, [BUCKET_KEY]: ['kms:Decrypt', 'kms:GenerateDataKey'] },
    fetch: { [TABLE_KEY]: reading, [BUCKET_KEY]: ['kms:Decrypt'] },
    coordinate: { [TABLE_KEY]: writing },
    admin: { [TABLE_KEY]: writing, [BUCKET_KEY]: ['kms:Decrypt', 'kms:GenerateDataKey'] },
    rest: { [TABLE_KEY]: writing, [BUCKET_KEY]: ['kms:Decrypt', 'kms:GenerateDataKey'] },
    maintain: { [TABLE_KEY]: writing },
    seal: { [TABLE_KEY]: writing, [BUCKET_KEY]: ['kms:Decrypt', 'kms:GenerateDataKey'] },
    gateway: { [TABLE_KEY]: writing, [BUCKET_KEY]: ['kms:Decrypt', 'kms:GenerateDataKey'] },
  };

  const usesIn = (grants: readonly Grant[]) =>
    Object.fromEntries(
      grants
        .filter(({ actions }) => actions.some((action) => action.startsWith('kms:')))
        .map(({ resources, actions }) => [resources.join(), actions]),
    );

  it.each(FUNCTION_NAMES)('may be used by %s as far as its rights to tables and objects go', (name) => {
    const role = `Functions${name.charAt(0).toUpperCase()}${name.slice(1)}Role`;
    const own = grantsOf(keyed.service).filter(({ at }) => at.includes(role));
    expect(usesIn(own)).toEqual(EXPECTED_USES[name]);
  });

  it('may be used by the gateways for all', () => {
    expect(usesIn(grantsOf(keyed.gateway))).toEqual(EXPECTED_USES.gateway);
  });

  it('may be used through the service only that stores what it encrypts', () => {
    const statements = JSON.stringify(keyed.service.findResources('AWS::IAM::Role')).match(
      /"kms:ViaService":\{[^}]*/g,
    )!;
    const uses = FUNCTION_NAMES.flatMap((name) => Object.keys(EXPECTED_USES[name]));
    expect(statements).toHaveLength(uses.length);
    expect(new Set(statements.map((text) => /\["",\["([a-z0-9]+)\./.exec(text)?.[1]))).toEqual(
      new Set(['dynamodb', 's3']),
    );
  });

  it('is in no policy where the tables and the bucket have none', () => {
    expect(usesIn([...grantsOf(service), ...grantsOf(gateway)])).toEqual({});
  });
});

describe('the gateway', () => {
  it('may do what all functions together may', () => {
    const all = new Set(FUNCTION_NAMES.flatMap((name) => listed(RIGHTS[name])));
    expect(listed(GATEWAY_RIGHTS)).toEqual([...all].sort());
    const own = grantsOf(gateway).filter(({ at }) => at.startsWith('TidelogRole'));
    expect(Object.fromEntries(own.map(({ actions, resources }) => [kindOf(resources), actions]))).toEqual({
      journal: GATEWAY_RIGHTS.journalTable,
      state: GATEWAY_RIGHTS.stateTable,
      objects: GATEWAY_RIGHTS.objects,
      bucket: GATEWAY_RIGHTS.bucket,
    });
  });
});

describe('wildcards', () => {
  const objects =
    /^\{"Fn::Join":\["",\["arn:",\{"Ref":"AWS::Partition"\},":s3:::",\{"Fn::ImportValue":"Tidelog-BucketName"\},"\/\*"\]\]\}$/;

  it.each(FRONT_DOORS)(
    'are in no action and no resource of the front door %s, but for the objects of the bucket',
    (frontDoor) => {
      const grants = grantsOf(synthesized({ frontDoor }).service);
      expect(grants.length).toBeGreaterThan(15);
      expect(grants.flatMap(({ actions }) => actions).filter((action) => action.includes('*'))).toEqual([]);
      const resources = grants.flatMap(({ resources }) => resources).map((resource) => JSON.stringify(resource));
      expect(resources.filter((resource) => resource.includes('*') && !objects.test(resource))).toEqual([]);
    },
  );

  it('are in no action of the gateway, and in one more resource: the login to the image registry knows no other', () => {
    const grants = grantsOf(gateway);
    expect(grants.flatMap(({ actions }) => actions).filter((action) => action.includes('*'))).toEqual([]);
    const wide = grants.filter(({ resources }) =>
      resources.some((resource) => JSON.stringify(resource).includes('*') && !objects.test(JSON.stringify(resource))),
    );
    expect(wide.map(({ actions, resources }) => [actions, resources])).toEqual([
      [['ecr:GetAuthorizationToken'], ['*']],
    ]);
  });
});

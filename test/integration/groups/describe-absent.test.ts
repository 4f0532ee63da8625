import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { joining } from '../../support/consumer-member.ts';
import { type Engine, startEngine } from '../../support/engine.ts';

/** What Kafka 4.3.1 answers: all operations on groups, and the value for 'not told'. */
const ALL_OPERATIONS = 3400;
const NOT_TOLD = -2147483648;
const NOT_FOUND = errorCode('GROUP_ID_NOT_FOUND');

let engine: Engine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, joining('of consumers', 'one', ['orders']));
});

async function described(version: number, groupId: string, includeAuthorizedOperations: boolean) {
  const { groups } = await engine.client.ask(ApiKey.DescribeGroups, version, {
    groups: [groupId],
    ...(version >= 3 ? { includeAuthorizedOperations } : {}),
  });
  return groups[0]!;
}

describe.each(['absent', 'of consumers'])('DescribeGroups of a group that is no classic one: %s', (groupId) => {
  it.each([3, 4, 5])('is no error in version %i, and tells the operations if asked', async (version) => {
    const dead = { errorCode: 0, groupState: 'Dead', protocolType: '', members: [] };
    expect(await described(version, groupId, true)).toMatchObject({ ...dead, authorizedOperations: ALL_OPERATIONS });
    expect(await described(version, groupId, false)).toMatchObject({ ...dead, authorizedOperations: NOT_TOLD });
  });

  it('is an error in version 6, without the operations', async () => {
    const dead = { errorCode: NOT_FOUND, groupState: 'Dead', authorizedOperations: NOT_TOLD };
    expect(await described(6, groupId, true)).toMatchObject(dead);
  });
});

it('ConsumerGroupDescribe of an absent group does not tell the operations', async () => {
  const request = { groupIds: ['absent'], includeAuthorizedOperations: true };
  const { groups } = await engine.client.ask(ApiKey.ConsumerGroupDescribe, 1, request);
  expect(groups).toMatchObject([{ errorCode: NOT_FOUND, authorizedOperations: NOT_TOLD }]);
});

import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionError } from '../../../../lib/cli/client/connection-problem.ts';
import { GroupMembership } from '../../../../lib/cli/client/group-membership.ts';
import type { GroupClient } from '../../../../lib/cli/client/groups.ts';
import type { KafkaClient } from '../../../../lib/cli/client/kafka-client.ts';
import { ERROR_CODES } from '../../../../lib/core/errors.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const TIMEOUT_MS = 5_000;

let clock: VirtualClock;
let commits: number;

beforeEach(() => {
  clock = new VirtualClock(0);
  commits = 0;
});

/** A member whose coordinator answers its commits with these, one after the other, and with the last one from then on. */
function memberWith(answers: readonly (keyof typeof ERROR_CODES | Error)[]): GroupMembership {
  const client = {
    async ask() {
      const answer = answers[Math.min(commits++, answers.length - 1)]!;
      if (answer instanceof Error) throw answer;
      return { topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: ERROR_CODES[answer] }] }] };
    },
  } as unknown as KafkaClient;
  const groups = { coordinator: async () => 1 } as unknown as GroupClient;
  const { signal } = new AbortController();
  return new GroupMembership({ client, groups, clock, group: 'g', topics: ['t'], timeoutMs: TIMEOUT_MS, signal });
}

async function commit(member: GroupMembership): Promise<unknown> {
  let outcome: { readonly value: unknown } | undefined;
  member.commit([{ topic: 't', partition: 0, offset: 1 }]).then(
    (value) => {
      outcome = { value };
    },
    (error: unknown) => {
      outcome = { value: error };
    },
  );
  expect(await clock.runUntil(() => outcome !== undefined, 2 * TIMEOUT_MS)).toBe(true);
  return outcome!.value;
}

describe('a commit of a member', () => {
  const lost = new ConnectionError('the connection was closed', { kind: 'closed' } as never);

  it.each([
    ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE' as const],
    ['NOT_COORDINATOR', 'NOT_COORDINATOR' as const],
    ['a lost connection', lost],
  ])('is tried again after %s', async (_, problem) => {
    expect(await commit(memberWith([problem, problem, 'NONE']))).toBeUndefined();
    expect(commits).toBe(3);
  });

  it('is not tried again where the member is not one any more', async () => {
    expect(await commit(memberWith(['ILLEGAL_GENERATION', 'NONE']))).toBe('ILLEGAL_GENERATION');
    expect(commits).toBe(1);
  });

  it('is given up when the time is over', async () => {
    expect(await commit(memberWith(['COORDINATOR_NOT_AVAILABLE']))).toBe('COORDINATOR_NOT_AVAILABLE');
    expect(clock.monotonic()).toBeGreaterThanOrEqual(TIMEOUT_MS);
    expect(await commit(memberWith([lost]))).toBe(lost);
  });
});

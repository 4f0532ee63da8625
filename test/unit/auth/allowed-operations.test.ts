import { describe, expect, it } from 'vitest';
import {
  allowedOperations,
  clusterOperationAccesses,
  clusterOperations,
  OPERATIONS_NOT_ASKED,
  operationAccesses,
} from '../../../lib/auth/allowed-operations.ts';
import {
  type Access,
  ANY_TOPIC,
  CLUSTER,
  type Decisions,
  groupResource,
  type Resource,
  topicResource,
} from '../../../lib/auth/authorize.ts';

/** Bits as Kafka numbers its operations: READ 3, WRITE 4, CREATE 5, DELETE 6, ALTER 7, DESCRIBE 8, and so on. */
const bits = (...codes: number[]) => codes.reduce((sum, code) => sum | (1 << code), 0);
const everything: Decisions = { allows: () => true };

describe('the bit field of allowed operations', () => {
  it.each<[string, Resource, number]>([
    ['a topic', topicResource('t'), bits(3, 4, 5, 6, 7, 8, 10, 11)],
    ['a group', groupResource('g'), bits(3, 6, 8, 10, 11)],
    ['a transactional id', { type: 'TRANSACTIONAL_ID', name: 'x' }, bits(4, 8)],
    ['the cluster', CLUSTER, bits(5, 7, 8, 9, 10, 11, 12)],
  ])('of %s has the operations that Kafka supports on it', (_, resource, expected) => {
    expect(allowedOperations(everything, resource)).toBe(expected);
  });

  it('has only what is allowed, and asks for nothing that was not in the question', () => {
    const resource = topicResource('t');
    const question = operationAccesses(resource);
    const asked: Access[] = [];
    const decisions: Decisions = {
      allows(operation, on) {
        asked.push({ operation, resource: on });
        return operation === 'READ';
      },
    };
    expect(allowedOperations(decisions, resource)).toBe(bits(3));
    expect(asked).toEqual(question);
  });

  it('of any topic asks for the operations of topics', () => {
    expect(operationAccesses(ANY_TOPIC).map(({ operation }) => operation)).toEqual(
      operationAccesses(topicResource('t')).map(({ operation }) => operation),
    );
  });
});

describe('the operations on the cluster', () => {
  it('are not asked for unless the client wants them', () => {
    expect(clusterOperationAccesses(false)).toEqual([]);
    expect(clusterOperations(everything, false)).toBe(OPERATIONS_NOT_ASKED);
  });

  it('are none where the cluster may not be described', () => {
    const rule: Decisions = { allows: (operation) => operation !== 'DESCRIBE' };
    expect(clusterOperations(rule, true)).toBe(0);
    expect(clusterOperations(everything, true)).toBe(bits(5, 7, 8, 9, 10, 11, 12));
  });
});

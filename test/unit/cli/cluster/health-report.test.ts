import { expect, it } from 'vitest';
import { healthOf } from '../../../../lib/cli/cluster/health-report.ts';

const fine = { name: 't-0', leader: 1, replicas: [1, 2], inSync: [1, 2] };
const nodes = [
  { id: 1, answers: true },
  { id: 2, answers: true },
];
const well = { healthy: true, controller: 1, nodes: [1, 2], nodesDown: [], leaderless: [], underReplicated: [] };

it.each([
  ['nothing', { controller: 1, nodes, partitions: [fine] }, well],
  ['no controller', { controller: -1, nodes, partitions: [fine] }, { ...well, healthy: false, controller: -1 }],
  [
    'a node that does not answer',
    { controller: 1, nodes: [nodes[0]!, { id: 2, answers: false }], partitions: [fine] },
    { ...well, healthy: false, nodesDown: [2] },
  ],
  [
    'a node that is only among the replicas',
    { controller: 1, nodes, partitions: [{ ...fine, replicas: [1, 3], inSync: [1] }] },
    { ...well, healthy: false, nodesDown: [3], underReplicated: ['t-0'] },
  ],
  [
    'no leader',
    { controller: 1, nodes, partitions: [fine, { ...fine, name: 't-1', leader: -1 }] },
    { ...well, healthy: false, leaderless: ['t-1'] },
  ],
])('finds %s', (_, state, health) => {
  expect(healthOf(state)).toEqual(health);
});

import type { ErrorName } from '../core/errors.ts';
import { protocolOf } from './protocols.ts';
import type { Step } from './step.ts';

/** DeleteGroups as a step, for one group (GroupCoordinatorShard.deleteGroups): only a group without members goes. */
export const deleteStep: Step<ErrorName> = {
  tooLarge: 'UNKNOWN_SERVER_ERROR',
  decide(group) {
    if (group === undefined) return { kind: 'reply', group, reply: 'GROUP_ID_NOT_FOUND' };
    const problem = protocolOf(group).checkDelete(group);
    if (problem !== undefined) return { kind: 'reply', group, reply: problem };
    return { kind: 'reply', group: undefined, reply: 'NONE' };
  },
};

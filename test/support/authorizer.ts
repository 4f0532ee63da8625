import type { Access, Authorize, Decisions, Operation, Resource } from '../../lib/auth/authorize.ts';

export type Rule = (operation: Operation, resource: Resource) => boolean;

/** A question that a handler asked. */
export type Question = readonly Access[];

/**
 * An authorizer that decides by a rule. It holds its callers to the contract: what was not in the question is not decided but
 * thrown as an error. The rule is applied when the question is asked.
 */
export function decideBy(rule: Rule): Authorize {
  return (_, accesses) => decisionsBy(rule, accesses);
}

/** The same, answering only after other work of the event loop. */
export function decideLater(rule: Rule): Authorize {
  return async (_, accesses) => {
    await new Promise((resolve) => setImmediate(resolve));
    return decisionsBy(rule, accesses);
  };
}

export const denyAll: Authorize = decideBy(() => false);

function decisionsBy(rule: Rule, accesses: Question): Decisions {
  const decided = new Map(
    accesses.map(({ operation, resource }) => [keyOf(operation, resource), rule(operation, resource)]),
  );
  const asked = (operation: Operation, resource: Resource) => decided.get(keyOf(operation, resource));
  return {
    allows(operation, resource) {
      const known = asked(operation, resource);
      if (known !== undefined) return known;
      const { type } = resource;
      if (type !== 'CLUSTER' && type !== 'ANY' && asked(operation, { type: 'ANY', of: type }) !== undefined) {
        return rule(operation, resource);
      }
      throw new Error(`not asked: ${operation} on ${JSON.stringify(resource)}`);
    },
  };
}

function keyOf(operation: Operation, resource: Resource): string {
  return JSON.stringify([operation, Object.entries(resource).sort()]);
}

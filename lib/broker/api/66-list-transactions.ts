import { ANY_TRANSACTIONAL_ID } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { ListTransactions } from '../../wire/messages/66-list-transactions.ts';
import type { TransactionReadBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { KAFKA_STATES } from '../transaction-states.ts';
import { transactionalIdResource } from '../transactional.ts';

/**
 * ListTransactions, versions 0 to 2, filtered by states, producer ids, age and a pattern of ids in
 * RE2's syntax. In a fleet each node lists the ids that FindCoordinator leads to it, so that a client
 * that asks all nodes has each id once.
 */
export const listTransactions = defineApi(
  ListTransactions,
  async (broker: TransactionReadBroker, request, _version, context) => {
    const refused = (error: ErrorName) => ({
      ...{ errorCode: errorCode(error), unknownStateFilters: [], transactionStates: [] },
    });
    const decisions = await broker.authorize(context, [{ operation: 'DESCRIBE', resource: ANY_TRANSACTIONAL_ID }]);
    if (!decisions.allows('DESCRIBE', ANY_TRANSACTIONAL_ID)) {
      return { errorCode: 0, unknownStateFilters: unknownIn(request.stateFilters), transactionStates: [] };
    }
    const isMatch = await matcherOf(request.transactionalIdPattern);
    if (isMatch === undefined) return refused('INVALID_REGULAR_EXPRESSION');
    const { leadership } = broker;
    const filter = {
      producerIds: new Set(request.producerIdFilters),
      statuses: new Set(request.stateFilters),
      longerThanMs: request.durationFilter,
      isMatch: (id: string) => isMatch(id) && decisions.allows('DESCRIBE', transactionalIdResource(id)),
    };
    try {
      await leadership.look();
      const listed = await broker.transactionReader.list(filter);
      return {
        errorCode: 0,
        unknownStateFilters: unknownIn(request.stateFilters),
        transactionStates: listed
          .filter(
            ({ transactionalId }) => (leadership.nodeOf(transactionalId) ?? leadership.nodeId) === leadership.nodeId,
          )
          .map(({ transactionalId, producerId, status }) => ({
            ...{ transactionalId, producerId, transactionState: status },
          })),
      };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return refused('COORDINATOR_NOT_AVAILABLE');
    }
  },
);

function unknownIn(states: readonly string[]): string[] {
  return states.filter((name) => !KAFKA_STATES.has(name));
}

/** Matches whole ids; everything without a pattern. Undefined if the pattern cannot be compiled. */
async function matcherOf(pattern: string | null): Promise<((id: string) => boolean) | undefined> {
  if (pattern === null || pattern === '') return () => true;
  // Few lists have a pattern: the engine is no part of a function's cold start.
  const { compilePattern } = await import('../../groups/consumer/topic-pattern.ts');
  const compiled = compilePattern(pattern);
  return compiled.kind === 'valid' ? (id) => compiled.pattern.matches(id) : undefined;
}

import { allApis } from '../broker/apis-of/all.ts';
import type { LogBroker } from '../broker/broker.ts';
import { frameHandler } from '../broker/dispatch.ts';
import type { FrameHandler } from '../broker/frame-handler.ts';
import { TransactionFeature } from '../cluster/transaction-feature.ts';
import { composeEngine, type Engine } from './compose.ts';
import { withLog } from './compose-log.ts';
import { composeNodes, type Membership } from './compose-nodes.ts';
import type { ComposeOptions } from './compose-options.ts';
import { type TransactionEngine, withTransactions } from './compose-transactions.ts';
import { listDueJournals } from './due-journals.ts';
import { LOCAL_LIMITS } from './local-limits.ts';
import { transactionItems } from './transaction-items.ts';

/** A process that serves every API. */
export interface ComposedBroker extends TransactionEngine {
  readonly broker: TransactionEngine['broker'] & LogBroker;
  readonly handleFrame: FrameHandler;
  /** Undefined for a process outside a fleet. */
  readonly membership: Membership | undefined;
}

/** Builds the engine from the stores, with its frame handler. Throws StoreUnavailableError. */
export async function composeBroker(options: ComposeOptions): Promise<ComposedBroker> {
  let membership: Membership | undefined;
  const local = options.settings.store === 'aws' ? undefined : LOCAL_LIMITS;
  const core = await composeEngine(
    { ...options, local },
    (...given) => {
      const nodes = composeNodes(...given);
      membership = nodes.membership;
      return nodes.leadership;
    },
    listDueJournals,
  );
  const items = transactionItems(options);
  const coordinated = withTransactions(options, withFeatures(options, core), items);
  const engine = withLog(options, coordinated, items, coordinated.broker.transactions);
  const close = async () => {
    await membership?.leave();
    await engine.close();
  };
  return { ...engine, handleFrame: frameHandler(engine.broker, allApis), membership, close };
}

/** The level of transaction.version is stored, unless the setting is given. */
function withFeatures({ stores, clock, random, logger, settings }: ComposeOptions, engine: Engine): Engine {
  if (settings.given.has('transactionVersion')) return engine;
  const env = { state: stores.state, clock, random, ageing: engine.ageing, logger };
  return { ...engine, broker: { ...engine.broker, transactionFeature: new TransactionFeature(env) } };
}

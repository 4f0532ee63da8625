import type { GroupBroker, LogBroker, TransactionBroker } from '../broker/broker.ts';
import type { AppendCalls, ReadCalls } from '../log/log.ts';
import { type RestHandler, restApp } from '../rest/app.ts';
import type { RestEnvironment } from '../rest/environment.ts';
import type { AnyRoute } from '../rest/route.ts';
import type { GroupEngine } from './compose-groups.ts';
import { withLog } from './compose-log.ts';
import type { ComposeOptions } from './compose-options.ts';
import { soloLeadership } from './solo-leadership.ts';
import { transactionItems } from './transaction-items.ts';

/** The largest body that is taken as a whole; bytes. Base64 of a dozen batches of 1 MiB. */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024;

/** The largest answer of records, as Confluent's `consumer.request.max.bytes`; bytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The rooms for the REST interface of an engine. In a fleet it reads and appends beside the leaders, as
 * functions do: a client of HTTP does not look for the node that leads a partition.
 */
export function roomsForRest(
  options: ComposeOptions,
  engine: GroupEngine & { readonly broker: GroupBroker & LogBroker & TransactionBroker },
): GroupBroker & LogBroker {
  if (!options.settings.fleet) return engine.broker;
  const leadership = soloLeadership(options, engine.broker.admin.journals, engine.ageing);
  const beside = { ...engine, broker: { ...engine.broker, leadership } };
  const { log } = withLog(options, beside, transactionItems(options), engine.broker.transactions).broker;
  return { ...engine.broker, log };
}

/** The REST interface of a process, over the rooms that its Kafka handlers use. */
export function composeRest(
  options: Pick<ComposeOptions, 'stores' | 'random' | 'settings'>,
  broker: GroupBroker & LogBroker<AppendCalls & ReadCalls>,
  routes: readonly AnyRoute[],
  limits: { readonly requestBytesMax?: number; readonly answerBytesMax?: number } = {},
): RestHandler {
  const { stores, random, settings } = options;
  const env: RestEnvironment = {
    ...broker,
    random,
    state: stores.state,
    settings: {
      listener: settings.listeners[0]?.name ?? '',
      autoCreateTopics: settings.autoCreateTopicsEnable,
      deleteTopics: settings.deleteTopicEnable,
      assignors: settings.groupConsumerAssignors,
      requestBytesMax: limits.requestBytesMax ?? REQUEST_BYTES_MAX,
      answerBytesMax: limits.answerBytesMax ?? ANSWER_BYTES_MAX,
      instanceTimeoutMs: settings.consumerInstanceTimeoutMs,
      allowedOrigins: settings.restAllowedOrigins,
    },
  };
  return restApp(env, routes);
}

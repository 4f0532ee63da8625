import type { Authorize } from '../auth/authorize.ts';
import type { Leadership } from '../cluster/leadership.ts';
import type { FinalizedFeature } from '../cluster/transaction-feature.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Observer } from '../core/observer.ts';
import type { Uuid } from '../core/uuid.ts';
import type { GroupConfig } from '../groups/config.ts';
import type { Groups } from '../groups/environment.ts';
import type { Turns } from '../kit/turns.ts';
import type { AdminCalls, AppendCalls, Log, ReadCalls } from '../log/log.ts';
import type { Offsets } from '../offsets/offsets.ts';
import type { AdminEnvironment } from '../topics/environment.ts';
import type { Coordinator } from '../transactions/coordinator.ts';
import type { ProducerIds } from '../transactions/producer-ids.ts';
import type { TransactionReader } from '../transactions/transaction-reader.ts';

/** The dependencies of the handlers. */
export interface Broker {
  readonly clock: Clock;
  /** Shared by all long-running work, so that other requests are served in between. */
  readonly turns: Turns;
  readonly logger: Logger;
  readonly authorize: Authorize;
  readonly clusterId: Uuid;
  /** The address that a listener advertises to its clients. */
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
  readonly admin: AdminEnvironment;
  /** The live nodes, and the node that leads each partition. */
  readonly leadership: Leadership;
  readonly producerIds: ProducerIds;
  readonly transactionFeature: FinalizedFeature;
  readonly settings: BrokerSettings;
  /** Default: no observer. */
  readonly observer?: Observer | undefined;
}

/** A broker with calls of the log; by default with all of them. */
export interface LogBroker<Calls = Log> extends Broker {
  readonly log: Calls;
}

export type ProduceBroker = LogBroker<AppendCalls>;
export type ReadBroker = LogBroker<ReadCalls>;
export type AdminBroker = LogBroker<AdminCalls>;

/** Additional dependencies of the handlers of groups and committed offsets. */
export interface GroupBroker extends Broker {
  readonly groups: Groups;
  readonly offsets: Offsets;
}

/** Additional dependencies of the handlers of transactions. */
export interface TransactionBroker extends Broker {
  readonly transactions: Coordinator;
}

/** Additional dependencies of the handlers that list and describe transactions. */
export interface TransactionReadBroker extends Broker {
  readonly transactionReader: TransactionReader;
}

export interface BrokerSettings {
  readonly autoCreateTopics: boolean;
  readonly deleteTopics: boolean;
  readonly groups: GroupConfig;
  /** The broker config fetch.max.bytes of Kafka. */
  readonly fetchMaxBytes: number;
  /** The setting transactional.id.expiration.ms. */
  readonly transactionalIdExpirationMs: number;
  /** The only log directory in the answer to DescribeLogDirs. */
  readonly logDir: string;
}

/** Returned in place of an answer: nothing is sent. */
export const NO_ANSWER = Symbol('no answer');

/** Returned in place of an answer: the connection is closed. */
export class CloseConnection {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/**
 * Returned in place of an answer: the request still waits, and the caller sends it again with this
 * token (RequestContext.again). `answer` is what it would be answered with if it waited no longer;
 * undefined if the caller has to ask for that.
 */
export class AskAgain {
  readonly token: string;
  readonly answer: object | undefined;

  constructor(token: string, answer?: object) {
    this.token = token;
    this.answer = answer;
  }
}

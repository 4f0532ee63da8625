import type { Authorize } from '../auth/authorize.ts';
import type { Leadership } from '../cluster/leadership.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Observer } from '../core/observer.ts';
import type { Uuid } from '../core/uuid.ts';
import type { GroupConfig } from '../groups/config.ts';
import type { Groups } from '../groups/environment.ts';
import type { Turns } from '../kit/turns.ts';
import type { Log } from '../log/log.ts';
import type { Offsets } from '../offsets/offsets.ts';
import type { AdminEnvironment } from '../topics/environment.ts';
import type { ProducerIds } from '../transactions/producer-ids.ts';

/** What the handlers work with. */
export interface Broker {
  readonly clock: Clock;
  /** Shared by all long work, so that others have their turns. */
  readonly pace: Turns;
  readonly logger: Logger;
  readonly authorize: Authorize;
  readonly clusterId: Uuid;
  /** The address that clients of a listener are told to connect to. */
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
  readonly admin: AdminEnvironment;
  /** Which node leads what, and which ones there are. */
  readonly leadership: Leadership;
  readonly producerIds: ProducerIds;
  readonly settings: BrokerSettings;
  /** Nobody watches when left out. */
  readonly observer?: Observer | undefined;
}

/** What the handlers of records and their offsets need in addition. */
export interface LogBroker extends Broker {
  readonly log: Log;
}

/** What the handlers of groups and their offsets need in addition. */
export interface GroupBroker extends Broker {
  readonly groups: Groups;
  readonly offsets: Offsets;
}

export interface BrokerSettings {
  readonly autoCreateTopics: boolean;
  readonly deleteTopics: boolean;
  readonly groups: GroupConfig;
  /** Kafka's fetch.max.bytes of a broker. */
  readonly fetchMaxBytes: number;
  /** The one log directory that DescribeLogDirs tells of. */
  readonly logDir: string;
}

/** Instead of an answer: nothing is sent. */
export const NO_ANSWER = Symbol('no answer');

/** Instead of an answer: the connection is closed. */
export class CloseConnection {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Instead of an answer: it waits still, and the same request is to come once more with this token (RequestContext.again). */
export class AskAgain {
  readonly token: string;

  constructor(token: string) {
    this.token = token;
  }
}

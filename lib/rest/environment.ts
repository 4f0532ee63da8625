import type { Authorize } from '../auth/authorize.ts';
import type { Leadership } from '../cluster/leadership.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { Uuid } from '../core/uuid.ts';
import type { Groups } from '../groups/environment.ts';
import type { Turns } from '../kit/turns.ts';
import type { AppendCalls, ReadCalls } from '../log/log.ts';
import type { Offsets } from '../offsets/offsets.ts';
import type { ItemStore } from '../storage/ports.ts';
import type { AdminEnvironment } from '../topics/environment.ts';
import type { ProducerIds } from '../transactions/producer-ids.ts';

/** The dependencies of the routes: the same rooms that Kafka's handlers use. */
export interface RestEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly turns: Turns;
  readonly authorize: Authorize;
  readonly clusterId: Uuid;
  readonly admin: AdminEnvironment;
  readonly leadership: Leadership;
  readonly producerIds: ProducerIds;
  readonly log: AppendCalls & ReadCalls;
  readonly groups: Groups;
  readonly offsets: Offsets;
  /** Holds the consumer instances and the idempotency keys. */
  readonly state: ItemStore;
  readonly settings: RestSettings;
}

export interface RestSettings {
  /** The listener whose addresses the brokers are shown with. */
  readonly listener: string;
  readonly autoCreateTopics: boolean;
  readonly deleteTopics: boolean;
  /** The assignors that members of consumer groups may ask for. */
  readonly assignors: readonly string[];
  /** The largest body that is taken as a whole; bytes. */
  readonly requestBytesMax: number;
  /** The largest answer of records; bytes. */
  readonly answerBytesMax: number;
  /** How long a consumer instance lives without a request; ms. */
  readonly instanceTimeoutMs: number;
  /** Origins that browsers may call from; empty for none, `*` for all. */
  readonly allowedOrigins: readonly string[];
}

import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { ItemStore } from '../storage/ports.ts';

/** What registering nodes and looking at them takes. */
export interface NodesEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { ItemStore } from '../storage/ports.ts';

/** The dependencies of node registration and the node list. */
export interface NodesEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

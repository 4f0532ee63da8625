import { Fleet } from '../cluster/fleet.ts';
import { LeaderItems } from '../cluster/leader-items.ts';
import type { Leadership } from '../cluster/leadership.ts';
import { NodeList } from '../cluster/node-list.ts';
import { type JoinOutcome, type Listeners, Registration } from '../cluster/registration.ts';
import { type Clock, sleep } from '../core/clock.ts';
import type { Journals } from '../journal/open-journal.ts';
import type { ComposeOptions } from './compose-options.ts';
import { soloLeadership } from './solo-leadership.ts';

export interface Membership {
  /**
   * Registers this process in its fleet, once it is reachable at `listeners`. Throws
   * StoreUnavailableError.
   */
  join(listeners: Listeners): Promise<JoinOutcome>;
  /** Ends the registration, so that other nodes take over at once. Waits at most LEAVE_MAX_MS. */
  leave(): Promise<void>;
}

/** A process has ten seconds to stop and needs most of them for its clients; ms. */
const LEAVE_MAX_MS = 1_500;

/**
 * The process's view of partition leadership, and its fleet membership if it has one. `ageing` is
 * the clock by which caches expire.
 */
export function composeNodes(
  options: ComposeOptions,
  journals: Journals,
  ageing: Clock,
): { readonly leadership: Leadership; readonly membership: Membership | undefined } {
  const { settings, stores, clock, random, logger, advertised } = options;
  if (!settings.fleet) return { leadership: soloLeadership(options, journals, ageing), membership: undefined };
  const env = { state: stores.state, clock, random, logger };
  const items = new LeaderItems({ ...env, clock: ageing });
  const rack = settings.brokerRack ?? null;
  const list = new NodeList(env);
  const registration = new Registration(env, list, {
    nodeId: settings.given.has('nodeId') ? settings.nodeId : undefined,
    rack,
    sessionMs: settings.brokerSessionTimeoutMs,
    heartbeatMs: settings.brokerHeartbeatIntervalMs,
  });
  return {
    leadership: new Fleet({ env, journals, items, list, registration, advertised }),
    membership: {
      join: (listeners) => registration.join(listeners),
      leave: () => Promise.race([registration.leave(), sleep(clock, LEAVE_MAX_MS)]),
    },
  };
}

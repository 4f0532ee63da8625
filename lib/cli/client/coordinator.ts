import type { Clock } from '../../core/clock.ts';
import { ApiKey } from '../../wire/apis.ts';
import { brokerRefusal, isRetriable } from '../failure.ts';
import { Attempts } from './attempts.ts';
import type { KafkaClient } from './kafka-client.ts';

/** What a coordinator is for (org.apache.kafka.common.requests.FindCoordinatorRequest.CoordinatorType). */
export const KeyType = { group: 0, transaction: 1 } as const;

const FIRST_WITH_COORDINATORS = 4;
const RETRY_MS = 100;

export interface CoordinatorLookup {
  readonly clock: Clock;
  /** How long to wait for a coordinator that is not available yet; ms. */
  readonly timeoutMs: number;
}

/**
 * The node that coordinates a group or a transactional id. The client learns its address. Throws
 * CommandError.
 *
 * @param what the beginning of the error message, such as `Group billing`
 */
export async function findCoordinator(
  client: KafkaClient,
  { clock, timeoutMs }: CoordinatorLookup,
  keyType: (typeof KeyType)[keyof typeof KeyType],
  key: string,
  what: string,
): Promise<number> {
  const attempts = new Attempts(clock, timeoutMs, RETRY_MS);
  for (;;) {
    const { version, body } = await client.askWithVersion(ApiKey.FindCoordinator, (version) => ({
      ...(version >= 1 && { keyType }),
      ...(version >= FIRST_WITH_COORDINATORS ? { coordinatorKeys: [key] } : { key }),
    }));
    const { errorCode, nodeId, host, port } = version >= FIRST_WITH_COORDINATORS ? body.coordinators[0]! : body;
    if (errorCode === 0) {
      client.learnNodes([{ nodeId, host, port }]);
      return nodeId;
    }
    if (!isRetriable(errorCode) || attempts.areOver) throw brokerRefusal(`${what} has no coordinator`, errorCode);
    await attempts.wait();
  }
}

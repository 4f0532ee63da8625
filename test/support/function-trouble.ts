import type { Random } from '../../lib/core/random.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import type { Fault, StandInCall } from './function-stand-in.ts';

/** A third of the Produce calls goes wrong, in all the ways in which a network and a front door can; `onFault` counts them. */
export function produceTrouble(random: Random, onFault: () => void): (call: StandInCall) => Fault | undefined {
  return ({ apiKeys }) => {
    if (apiKeys[0] !== ApiKey.Produce) return undefined;
    const fault = faultFor(random.next(), random.next());
    if (fault !== undefined) onFault();
    return fault;
  };
}

function faultFor(chance: number, late: number): Fault | undefined {
  if (chance < 0.12) return { kind: 'dropAfter' };
  if (chance < 0.18) return { kind: 'dropBefore' };
  if (chance < 0.24) return { kind: 'dropAndRunLate', ms: late * 400 };
  if (chance < 0.29) return { kind: 'status', status: 503 };
  return chance < 0.34 ? { kind: 'status', status: 429 } : undefined;
}

import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/** The process of a deployment that runs a set of jobs; one item for each set. */
export interface UpkeepRunner {
  /** Identifies one round of one process. */
  readonly holder: string;
  /** When the round's claim expires, should the process die; 0 once the round has ended. */
  readonly until: StoreTime;
  /** When the last round began that finished every job; 0 before the first one. */
  readonly completedAt: StoreTime;
}

/** One query reads all items of the upkeep. */
export const UPKEEP_PK = 'upkeep';
/** The runner of the jobs that gateways and the function `maintain` run. */
export const UPKEEP_RUNNER_SK = 'runner';
/** The runner of the jobs of the function `seal`. */
export const SEAL_RUNNER_SK = 'runner/seal';

const FORMAT = 1;

export function encodeUpkeepRunner({ holder, until, completedAt }: UpkeepRunner): Buffer {
  return encodeJsonBody(FORMAT, { holder, until, completedAt });
}

/** Throws MalformedBytesError. */
export function decodeUpkeepRunner(body: Buffer): UpkeepRunner {
  const runner = decodeJsonBody(FORMAT, body) as UpkeepRunner | null;
  const isWhole =
    typeof runner?.holder === 'string' && Number.isFinite(runner.until) && Number.isFinite(runner.completedAt);
  if (!isWhole) throw new MalformedBytesError('the item of the runner of the upkeep lacks a field');
  return runner;
}

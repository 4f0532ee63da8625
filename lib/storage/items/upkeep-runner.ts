import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/** Which process of a deployment does the upkeep; one item for all of them. */
export interface UpkeepRunner {
  /** Stands for one round of one process. */
  readonly holder: string;
  /** The round is over by then, also where the process has died; 0 once it has ended. */
  readonly until: StoreTime;
  /** When the last round began that got to the end of every job; 0 before the first one. */
  readonly completedAt: StoreTime;
}

/** Everything that upkeep keeps is read by one query. */
export const UPKEEP_PK = 'upkeep';
export const UPKEEP_RUNNER_SK = 'runner';

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

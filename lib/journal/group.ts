import type { ErrorName } from '../core/errors.ts';
import type { AppendResult, BatchToAppend } from './decide-append.ts';
import type { Journal } from './journal.ts';
import type { WalOutcome } from './wal.ts';

/** A batch that waits for its answer. */
export interface Request {
  readonly batch: BatchToAppend;
  /** By Clock.monotonic(): after it the answer is REQUEST_TIMED_OUT, whatever becomes of the batch; ms. */
  readonly deadline: number;
  readonly settle: (result: AppendResult) => void;
  /** Where the batch's bytes start in the group's stretch of a WAL object. */
  position: number;
}

/** Answers those whose deadline has passed; gives the others. */
export function expireRequests(requests: Request[], now: number): Request[] {
  if (!requests.some((request) => request.deadline <= now)) return requests;
  const waiting: Request[] = [];
  for (const request of requests) {
    if (request.deadline > now) waiting.push(request);
    else request.settle({ kind: 'rejected', error: 'REQUEST_TIMED_OUT' });
  }
  return waiting;
}

/** Batches that are decided together and written as one entry. */
export class Group {
  requests: Request[];
  /** In the WAL tier: the object that holds the batches. */
  object: Promise<WalOutcome> | undefined;

  constructor(requests: Request[]) {
    this.requests = requests;
  }

  /** The bytes in the order of the requests; notes where each begins. */
  chunks(): Buffer[] {
    let position = 0;
    return this.requests.map((request) => {
      request.position = position;
      position += request.batch.bytes.length;
      return request.batch.bytes;
    });
  }

  /** Has the bytes stored once more, after a failure or because their object is too old to be named. */
  storeAgain({ id, env }: Journal): void {
    this.object = env.wal.write(id, this.chunks());
  }

  /** Answers what cannot wait longer; it is not tried again. */
  expire(now: number): void {
    this.requests = expireRequests(this.requests, now);
  }

  /** Answers all with the same failure. */
  fail(error: ErrorName, message: string): void {
    for (const request of this.requests) request.settle({ kind: 'rejected', error, message });
    this.requests = [];
  }
}

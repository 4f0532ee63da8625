import { availableParallelism, loadavg } from 'node:os';

/** The variable with the contention at the start of the run; `measure-machine.ts` sets it. */
export const CONTENTION_VARIABLE = 'TIDELOG_TEST_CONTENTION';

/** Runnable processes per core that a test run makes by itself: a worker, and what that started. */
const OWN_LOAD_PER_CORE = 2;
/** Beyond this a machine is stuck rather than busy, and a test that hangs has to end some day. */
const SLOWNESS_MAX = 20;
/** CPU time of the measurement: several of the scheduler's turns, so that others get theirs in between; ms. */
const MEASURED_CPU_MS = 200;

export interface MachineState {
  /** Elapsed time per CPU time of a busy process before the run began; 1 on a machine that nobody else uses. */
  readonly contention: number;
  /** Runnable processes on average over the last minute. */
  readonly loadAverage: number;
  readonly cores: number;
}

/** How many times longer than on a machine of its own a test may take now; at least 1. */
export function slownessOf({ contention, loadAverage, cores }: MachineState): number {
  const foreign = Math.max(0, loadAverage / cores - OWN_LOAD_PER_CORE);
  return Math.min(SLOWNESS_MAX, Math.max(1, contention, 1 + foreign));
}

/**
 * A limit for what takes `ms` at most on a quiet machine. For time that passes on the system's clock only: what is
 * counted, and what takes place in virtual time, is the same on every machine.
 */
export function scaled(ms: number): number {
  const contention = Number(process.env[CONTENTION_VARIABLE] ?? 1);
  return Math.round(ms * slownessOf({ contention, loadAverage: loadavg()[0] ?? 0, cores: availableParallelism() }));
}

/** Works for a moment, and compares the time that has passed with the CPU time that it got. */
export function measureContention(): number {
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuMs = (user + system) / 1000;
    if (cpuMs >= MEASURED_CPU_MS) return (performance.now() - began) / cpuMs;
  }
}

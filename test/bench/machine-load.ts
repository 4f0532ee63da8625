import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Linux counts CPU time in these, whatever the kernel's own tick is (USER_HZ). */
const JIFFY_MS = 10;

/** With this much of a core gone to others, a run does not tell much. The kernel's own threads take about 0.1. */
export const OTHERS_CPU_MAX = 0.3;

/** What other programs, and the kernel's own threads, took of the machine between two moments. */
export class MachineLoad {
  readonly #busyMs = busyMs();
  readonly #startedAt = performance.now();

  /** CPU time per elapsed time since the start, less `ownMs` of CPU time; 1 is one core. NaN where it cannot be told. */
  others(ownMs: number): number {
    return Math.max(0, busyMs() - this.#busyMs - ownMs) / (performance.now() - this.#startedAt);
  }
}

/** CPU time of everything since the machine's start; NaN where there is no /proc/stat. */
function busyMs(): number {
  if (process.platform !== 'linux') return Number.NaN;
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .split(/\s+/);
  return [user, nice, system, irq, softirq, steal].reduce((sum, value) => sum + Number(value), 0) * JIFFY_MS;
}

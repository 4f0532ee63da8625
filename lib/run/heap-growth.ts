import { setFlagsFromString } from 'node:v8';

/**
 * V8 starts a full collection when the heap with its buffers has grown by a share. It derives that
 * share from the rate at which small objects are allocated. A broker allocates few small objects
 * and many buffers, so V8 collects every 20 MB, which takes a third of the CPU at 100 MB/s. This
 * sets four times the live heap instead, the most that V8 itself would choose.
 */
const GROWTH_PERCENT = 300;

/**
 * Lets the heap of this process grow as suits a broker (figures in docs/PERFORMANCE.md). Only for
 * programs: it changes the whole process.
 */
export function growHeapFreely(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

import { setFlagsFromString } from 'node:v8';

/**
 * V8 starts a full collection when the heap, and with it the buffers that it holds, has grown by a share that it sets by how
 * fast small objects are made. A broker makes few small objects and many buffers, so that V8 settles for collecting every
 * 20 MB: a third of the CPU at 100 MB/s. This is four times the live heap instead, the most that V8 itself would choose.
 */
const GROWTH_PERCENT = 300;

/** Lets the heap of this process grow as suits a broker (docs/PERFORMANCE.md has the figures); for programs, not libraries. */
export function growHeapFreely(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

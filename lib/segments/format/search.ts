/**
 * The last of `count` slots whose value is not above `target`, by bisection; -1 if there is none.
 * The values ascend.
 */
export function lastAtMost(count: number, valueAt: (slot: number) => number, target: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (valueAt(middle) <= target) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

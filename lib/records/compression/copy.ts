/** From here on copyWithin's call costs less than a loop over bytes. */
export const SHORTEST_BULK_COPY = 32;

/** Copies `from[start, start + length)` to `to` in `out`; the caller has checked both. */
export function copyLiterals(from: Buffer, start: number, out: Buffer, to: number, length: number): void {
  if (length >= SHORTEST_BULK_COPY) {
    from.copy(out, to, start, start + length);
    return;
  }
  for (let i = 0; i < length; i++) out[to + i] = from[start + i]!;
}

/** Four bytes at `at` as a signed little-endian number. */
export function int32le(data: Buffer, at: number): number {
  return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
}

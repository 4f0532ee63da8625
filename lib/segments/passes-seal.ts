/**
 * Less is not worth a look of its own, however small a topic's `segment.bytes` is: a look costs as
 * much as writing some MB; bytes.
 */
const STEP_BYTES_MIN = 8 * 1024 * 1024;

/**
 * Whether an entry takes the unsealed bytes of its journal past a multiple of the size at which a
 * seal is due. All writers fold the same entries, so that of all of them only the writer of one entry
 * finds this: once for each seal's worth of bytes. Pure.
 *
 * @param before unsealed bytes before the entry
 * @param after unsealed bytes with the entry
 * @param sealBytes SealLimits.sealBytes
 */
export function passesSeal(before: number, after: number, sealBytes: number): boolean {
  const step = Math.max(sealBytes, STEP_BYTES_MIN);
  return Math.floor(after / step) > Math.floor(before / step);
}

const HIGH_UNIT = 2 ** 32;

/** The largest and smallest high words of numbers that a double carries exactly. */
const HIGHEST = 0x1f_ffff;
const LOWEST = -0x20_0000;

/** A signed 64-bit number as a double; beyond ±(2^53 - 1) it saturates. */
export function readInt64(buffer: Buffer, position: number): number {
  const high = buffer.readInt32BE(position);
  if (high > HIGHEST) return Number.MAX_SAFE_INTEGER;
  if (high < LOWEST) return Number.MIN_SAFE_INTEGER;
  return Math.max(high * HIGH_UNIT + buffer.readUInt32BE(position + 4), Number.MIN_SAFE_INTEGER);
}

/** Writes a safe integer as a signed 64-bit number. */
export function writeInt64(buffer: Buffer, value: number, position: number): void {
  buffer.writeInt32BE(Math.floor(value / HIGH_UNIT), position);
  buffer.writeUInt32BE(value >>> 0, position + 4);
}

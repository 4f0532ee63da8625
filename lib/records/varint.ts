/**
 * Kafka's variable-length numbers: zigzag, seven bits a byte, lowest first (ByteUtils.writeVarint,
 * writeVarlong).
 */

/** Bytes that writeVarint takes for a signed 32-bit number. */
export function sizeOfVarint(value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let size = 1;
  for (; rest >= 0x80; rest >>>= 7) size++;
  return size;
}

/** Writes a signed 32-bit number; returns the position behind it. */
export function writeVarint(buffer: Buffer, value: number, position: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = position;
  for (; rest >= 0x80; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
  buffer[at++] = rest;
  return at;
}

/** Bytes that writeVarlong takes for a safe integer. */
export function sizeOfVarlong(value: number): number {
  let rest = Math.floor((value < 0 ? -1 - value : value) / 64);
  let size = 1;
  for (; rest > 0; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes a safe integer; returns the position behind it. */
export function writeVarlong(buffer: Buffer, value: number, position: number): number {
  const sign = value < 0 ? 1 : 0;
  const magnitude = sign ? -1 - value : value;
  // The zigzag form has one bit more than a double carries exactly, so the first byte is computed
  // separately.
  let rest = Math.floor(magnitude / 64);
  let at = position;
  let byte = (magnitude % 64) * 2 + sign;
  for (; rest > 0; rest = Math.floor(rest / 128)) {
    buffer[at++] = byte | 0x80;
    byte = rest % 128;
  }
  buffer[at++] = byte;
  return at;
}

/** What stands for the rest of a text that was cut off. */
const ELLIPSIS = '...';

/**
 * The text in at most `bytesMax` bytes of UTF-8, which have to hold the ellipsis: a longer one is cut off between two
 * characters. Half a character, which UTF-8 cannot carry, becomes U+FFFD.
 */
export function clipText(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return bytes.length === text.length ? text : bytes.toString();
  let end = bytesMax - ELLIPSIS.length;
  while (bytes[end]! >> 6 === 0b10) end--;
  return bytes.toString('utf8', 0, end) + ELLIPSIS;
}

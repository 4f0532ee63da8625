const ELLIPSIS = '...';

/**
 * The text in at most `bytesMax` bytes of UTF-8. A longer text is cut between two characters and
 * ends in an ellipsis, so `bytesMax` must be at least 3. A lone surrogate becomes U+FFFD.
 */
export function clipText(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return bytes.length === text.length ? text : bytes.toString();
  let end = bytesMax - ELLIPSIS.length;
  while (bytes[end]! >> 6 === 0b10) end--;
  return bytes.toString('utf8', 0, end) + ELLIPSIS;
}

const SINGLE: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, '0': 0x00, '\\': 0x5c };

/**
 * The bytes of a flag's text with the escapes `\n \r \t \0 \\ \xHH`, which shells do not interpret;
 * undefined for any other escape.
 */
export function unescapeBytes(text: string): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < text.length) {
    const backslash = text.indexOf('\\', at);
    if (backslash < 0) break;
    parts.push(Buffer.from(text.slice(at, backslash)));
    const letter = text[backslash + 1] ?? '';
    const single = SINGLE[letter];
    if (single !== undefined) {
      parts.push(Buffer.of(single));
      at = backslash + 2;
      continue;
    }
    const hex = /^x([0-9a-fA-F]{2})/.exec(text.slice(backslash + 1));
    if (hex === null) return undefined;
    parts.push(Buffer.of(Number.parseInt(hex[1]!, 16)));
    at = backslash + 4;
  }
  parts.push(Buffer.from(text.slice(at)));
  return Buffer.concat(parts);
}

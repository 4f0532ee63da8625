/** Any JSON object; arrays are not objects here. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The decoded bytes; undefined if the text is not entirely base64, since Node would skip invalid
 * characters.
 */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return bytes.length === Math.floor((text.length - padding) * (3 / 4)) ? bytes : undefined;
}

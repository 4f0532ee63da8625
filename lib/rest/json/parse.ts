/** The deepest nesting that is taken, as by Confluent's parser (Jackson: StreamReadConstraints). */
export const JSON_DEPTH_MAX = 1_000;

export type ParsedJson =
  | { readonly kind: 'parsed'; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly message: string };

/** Reads a text of JSON. */
export function parseJson(text: string): ParsedJson {
  if (isTooDeep(text)) return { kind: 'invalid', message: `it is nested deeper than ${JSON_DEPTH_MAX} levels` };
  try {
    return { kind: 'parsed', value: JSON.parse(text) };
  } catch (error) {
    // The first line says what is wrong; the rest may repeat the input.
    return { kind: 'invalid', message: (error as Error).message.split('\n', 1)[0]! };
  }
}

/** The brackets outside of strings. An escaped quote does not end a string. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs;

function isTooDeep(text: string): boolean {
  // Fewer brackets than levels: most texts need no closer look.
  let brackets = 0;
  for (let at = 0; at < text.length && brackets <= JSON_DEPTH_MAX; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x7b || code === 0x5b) brackets++;
  }
  if (brackets <= JSON_DEPTH_MAX) return false;
  let depth = 0;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    if (depth > JSON_DEPTH_MAX) return true;
  }
  return false;
}

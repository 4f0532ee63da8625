/** One `key=value` of a properties file, and the line on which it starts, from 1. */
export interface Property {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

const BLANK = /^[ \t\f]+/;
const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/**
 * Reads Java's properties syntax (java.util.Properties.load): `#` and `!` comments, `=`, `:` or
 * blanks between key and value, a backslash at the end of a line that continues it, and the escapes
 * `\t \n \r \f \uXXXX`; before any other character a backslash is dropped. Repeated keys are all
 * returned; by Java's rule the last one counts.
 */
export function parseProperties(content: string): Property[] {
  const properties: Property[] = [];
  for (const { text, line } of logicalLines(content)) {
    const end = keyEnd(text);
    const value = text.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '');
    properties.push({ key: withoutEscapes(text.slice(0, end)), value: withoutEscapes(value), line });
  }
  return properties;
}

/** Lines with their continuations joined, without comments, blank lines and leading blanks. */
function* logicalLines(content: string): Generator<{ text: string; line: number }> {
  const natural = content.split(/\r\n|\n|\r/);
  for (let index = 0; index < natural.length; index++) {
    let text = natural[index]!.replace(BLANK, '');
    if (text === '' || text.startsWith('#') || text.startsWith('!')) continue;
    const line = index + 1;
    while (endsWithOpenBackslash(text)) {
      index++;
      text = text.slice(0, -1) + (natural[index] ?? '').replace(BLANK, '');
    }
    yield { text, line };
  }
}

function endsWithOpenBackslash(text: string): boolean {
  const backslashes = /\\*$/.exec(text)![0].length;
  return backslashes % 2 === 1;
}

/** Where the key ends: at the first `=`, `:` or blank without a backslash before it. */
function keyEnd(text: string): number {
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (/[=: \t\f]/.test(text[index]!)) return index;
  }
  return text.length;
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|[\s\S])/g, (_, sequence: string) =>
    sequence.length === 5
      ? String.fromCharCode(Number.parseInt(sequence.slice(1), 16))
      : (ESCAPES[sequence] ?? sequence),
  );
}

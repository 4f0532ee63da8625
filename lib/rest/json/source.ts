/**
 * Where the values of a valid JSON text stand in it. A record's value is stored as it was sent: a
 * parsed number would lose digits, and a parsed object the order of its keys.
 */
export interface Source {
  readonly start: number;
  readonly end: number;
  /** Of an object; the last one of a name counts. */
  readonly members?: ReadonlyMap<string, Source>;
  /** Of an array. */
  readonly elements?: readonly Source[];
}

/** Finds the values of a text that JSON.parse has accepted, down to `depth` levels. */
export function sourceOf(text: string, depth: number): Source {
  return new Finder(text).value(0, depth);
}

/** The text of a value without the white space between its parts. */
export function compactText(text: string, { start, end }: Source): string {
  return text.slice(start, end).replace(WHITE_SPACE, (_, literal: string | undefined) => literal ?? '');
}

const WHITE_SPACE = /("(?:[^"\\]|\\.)*")|[ \t\r\n]+/gs;

class Finder {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(from: number, depth: number): Source {
    const start = this.#skipWhite(from);
    const first = this.#text[start];
    if (depth > 0 && first === '{') return this.#object(start, depth);
    if (depth > 0 && first === '[') return this.#array(start, depth);
    return { start, end: this.#endOf(start) };
  }

  #object(start: number, depth: number): Source {
    const members = new Map<string, Source>();
    let at = this.#skipWhite(start + 1);
    while (this.#text[at] !== '}') {
      const end = this.#endOf(at);
      const name = JSON.parse(this.#text.slice(at, end)) as string;
      // The colon stands between the name and the value.
      const value = this.value(this.#skipWhite(end) + 1, depth - 1);
      members.set(name, value);
      at = this.#afterComma(value.end);
    }
    return { start, end: at + 1, members };
  }

  #array(start: number, depth: number): Source {
    const elements: Source[] = [];
    let at = this.#skipWhite(start + 1);
    while (this.#text[at] !== ']') {
      const value = this.value(at, depth - 1);
      elements.push(value);
      at = this.#afterComma(value.end);
    }
    return { start, end: at + 1, elements };
  }

  #afterComma(from: number): number {
    const at = this.#skipWhite(from);
    return this.#text[at] === ',' ? this.#skipWhite(at + 1) : at;
  }

  /** The end of the value that starts here. */
  #endOf(start: number): number {
    const first = this.#text[start];
    if (first === '"') return this.#endOfString(start);
    if (first !== '{' && first !== '[') return this.#endOfScalar(start);
    let depth = 0;
    for (let at = start; ; at++) {
      const char = this.#text[at];
      if (char === '"') at = this.#endOfString(at) - 1;
      else if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') depth--;
      if (depth === 0) return at + 1;
    }
  }

  #endOfString(start: number): number {
    let at = start + 1;
    while (this.#text[at] !== '"') at += this.#text[at] === '\\' ? 2 : 1;
    return at + 1;
  }

  #endOfScalar(start: number): number {
    let at = start;
    while (at < this.#text.length && !/[\s,}\]]/.test(this.#text[at]!)) at++;
    return at;
  }

  #skipWhite(from: number): number {
    let at = from;
    while (at < this.#text.length && /[ \t\r\n]/.test(this.#text[at]!)) at++;
    return at;
  }
}

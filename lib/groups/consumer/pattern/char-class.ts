/**
 * A set of characters as far as topic names go: one flag per ASCII code. What lies above never occurs in a name
 * (lib/topics/topic-name.ts), so that nothing has to be kept of it.
 */
export class CharClass {
  readonly #has = new Uint8Array(ASCII);

  static of(...ranges: readonly (readonly [low: number, high: number])[]): CharClass {
    const made = new CharClass();
    for (const [low, high] of ranges) for (let code = low; code <= high && code < ASCII; code++) made.#has[code] = 1;
    return made;
  }

  /** The characters that `test` is true for. */
  static where(test: (char: string) => boolean): CharClass {
    const made = new CharClass();
    for (let code = 0; code < ASCII; code++) if (test(String.fromCharCode(code))) made.#has[code] = 1;
    return made;
  }

  has(code: number): boolean {
    return this.#has[code] === 1;
  }

  negated(): CharClass {
    return CharClass.where((char) => !this.has(char.charCodeAt(0)));
  }

  union(other: CharClass): CharClass {
    return CharClass.where((char) => this.has(char.charCodeAt(0)) || other.has(char.charCodeAt(0)));
  }

  /** With both cases of every letter in it. */
  foldingCase(): CharClass {
    return CharClass.where((char) =>
      [char.toLowerCase(), char.toUpperCase()].some((one) => this.has(one.charCodeAt(0))),
    );
  }
}

const ASCII = 128;

const DIGIT = CharClass.of([0x30, 0x39]);
const WORD = CharClass.where((char) => /[0-9A-Za-z_]/.test(char));
const SPACE = CharClass.where((char) => '\t\n\f\r '.includes(char));

export const ANY = CharClass.of([0, ASCII - 1]);
export const ANY_BUT_NEWLINE = CharClass.where((char) => char !== '\n');

/** Whether a character counts as part of a word for \b. */
export function isWord(code: number): boolean {
  return WORD.has(code);
}

const PERL: ReadonlyMap<string, CharClass> = new Map([
  ['d', DIGIT],
  ['D', DIGIT.negated()],
  ['s', SPACE],
  ['S', SPACE.negated()],
  ['w', WORD],
  ['W', WORD.negated()],
]);

/** What \d, \s, \w and their opposites stand for. */
export function perlClass(letter: string): CharClass | undefined {
  return PERL.get(letter);
}

const POSIX: ReadonlyMap<string, CharClass> = new Map(
  Object.entries({
    alnum: /[0-9A-Za-z]/,
    alpha: /[A-Za-z]/,
    blank: /[\t ]/,
    digit: /[0-9]/,
    graph: /[!-~]/,
    lower: /[a-z]/,
    print: /[ -~]/,
    punct: /[!-/:-@[-`{-~]/,
    space: /[\t\n\v\f\r ]/,
    upper: /[A-Z]/,
    word: /[0-9A-Za-z_]/,
    xdigit: /[0-9A-Fa-f]/,
  } satisfies Record<string, RegExp>).map(([name, members]) => [name, CharClass.where((char) => members.test(char))]),
);
// The two that a linter takes for slips in a pattern.
const CONTROL = CharClass.of([0x00, 0x1f], [0x7f, 0x7f]);

/** What [:name:] stands for inside of brackets. */
export function posixClass(name: string): CharClass | undefined {
  if (name === 'cntrl') return CONTROL;
  return name === 'ascii' ? ANY : POSIX.get(name);
}

/** What \p{name} stands for: a general category or a script of Unicode. */
export function unicodeClass(name: string): CharClass | undefined {
  if (name === 'Any') return ANY;
  if (!/^[A-Za-z_]+$/.test(name)) return undefined;
  // A category has one or two letters; scripts have longer names.
  const property = name.length <= 2 ? `General_Category=${name}` : `Script=${name}`;
  try {
    const members = new RegExp(`^\\p{${property}}$`, 'u');
    return CharClass.where((char) => members.test(char));
  } catch {
    return undefined;
  }
}

import { ANY, ANY_BUT_NEWLINE, CharClass, perlClass, posixClass, unicodeClass } from './char-class.ts';

/** A pattern taken apart. What it captures is of no use here, so groups are only what they hold. */
export type Node =
  | { readonly kind: 'chars'; readonly chars: CharClass }
  | { readonly kind: 'assertion'; readonly assertion: PlaceAssertion }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  /** `max` undefined: without end. */
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number | undefined };

export type PlaceAssertion = 'start' | 'end' | 'wordBoundary' | 'noWordBoundary';

/** The pattern is not one of RE2's; `message` says why. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** RE2's own limit for the counts of {n,m}. */
const REPEAT_MAX = 1000;

/** Groups within groups; RE2/J has the same limit, which keeps recursion shallow. */
const DEPTH_MAX = 1000;

const CODE_POINT_MAX = 0x10ffff;

interface Flags {
  readonly foldCase: boolean;
  readonly dotMatchesNewline: boolean;
}

/**
 * Parses the syntax of RE2 (the one that KIP-848 prescribes, https://github.com/google/re2/wiki/Syntax): what needs
 * backtracking (look-around, references to groups, possessive repetition) is not part of it. Throws PatternError.
 */
export function parsePattern(pattern: string): Node {
  return new Parser(pattern).parse();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #flags: Flags = { foldCase: false, dotMatchesNewline: false };

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw new PatternError('unexpected )');
    return node;
  }

  #peek(ahead = ''): boolean {
    return this.#text.startsWith(ahead, this.#at) && this.#at < this.#text.length;
  }

  #take(token: string): boolean {
    if (!this.#peek(token)) return false;
    this.#at += token.length;
    return true;
  }

  #next(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw new PatternError('unexpected end of the pattern');
    const char = String.fromCodePoint(code);
    this.#at += char.length;
    return char;
  }

  #matched(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }

  #choice(): Node {
    const nodes = [this.#sequence()];
    while (this.#take('|')) nodes.push(this.#sequence());
    return nodes.length === 1 ? nodes[0]! : { kind: 'choice', nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#peek() && !this.#peek('|') && !this.#peek(')')) {
      if (this.#take('\\Q')) {
        const end = this.#text.indexOf('\\E', this.#at);
        const literal = this.#text.slice(this.#at, end < 0 ? undefined : end);
        this.#at = end < 0 ? this.#text.length : end + 2;
        for (const char of literal) nodes.push(this.#literal(char.codePointAt(0)!));
        const last = nodes.pop();
        if (last !== undefined) nodes.push(this.#repeated(last));
        continue;
      }
      const atom = this.#atom();
      if (atom !== undefined) nodes.push(this.#repeated(atom));
    }
    return nodes.length === 1 ? nodes[0]! : { kind: 'sequence', nodes };
  }

  #repeated(node: Node): Node {
    const counts = this.#repetition();
    if (counts === undefined) return node;
    this.#take('?');
    const before = this.#at;
    if (this.#repetition() !== undefined) {
      throw new PatternError(`invalid nested repetition operator at ${this.#text.slice(before, this.#at)}`);
    }
    return { kind: 'repeat', node, ...counts };
  }

  #repetition(): { readonly min: number; readonly max: number | undefined } | undefined {
    if (this.#take('*')) return { min: 0, max: undefined };
    if (this.#take('+')) return { min: 1, max: undefined };
    if (this.#take('?')) return { min: 0, max: 1 };
    // Braces without counts in them stand for themselves, as in Perl.
    const found = this.#matched(/\{(\d+)(,?)(\d*)\}/y);
    if (found === undefined) return undefined;
    const min = Number(found[1]);
    const max = found[2] === '' ? min : found[3] === '' ? undefined : Number(found[3]);
    const valid =
      (found[2] !== '' || found[3] === '') && min <= REPEAT_MAX && (max ?? min) <= REPEAT_MAX && min <= (max ?? min);
    if (!valid) throw new PatternError(`invalid repeat count: ${found[0]}`);
    return { min, max };
  }

  /** Undefined for what only sets flags. */
  #atom(): Node | undefined {
    const char = this.#next();
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'chars', chars: this.#folded(this.#brackets()) };
      case '.':
        return { kind: 'chars', chars: this.#flags.dotMatchesNewline ? ANY : ANY_BUT_NEWLINE };
      case '^':
        return { kind: 'assertion', assertion: 'start' };
      case '$':
        return { kind: 'assertion', assertion: 'end' };
      case '*':
      case '+':
      case '?':
        throw new PatternError(`missing argument to repetition operator: ${char}`);
      case '\\':
        return this.#escape();
      default:
        return this.#literal(char.codePointAt(0)!);
    }
  }

  #literal(code: number): Node {
    return { kind: 'chars', chars: this.#folded(CharClass.of([code, code])) };
  }

  #folded(chars: CharClass): CharClass {
    return this.#flags.foldCase ? chars.foldingCase() : chars;
  }

  #group(): Node | undefined {
    const outer = this.#flags;
    if (this.#peek('?') && this.#matched(/\?P?<[A-Za-z0-9_]+>/y) === undefined) {
      const flags = this.#matched(/\?([imsU]*)(-[imsU]+)?([:)])/y);
      if (flags === undefined)
        throw new PatternError(`invalid or unsupported Perl syntax: (${this.#text.slice(this.#at, this.#at + 2)}`);
      this.#setFlags(flags[1]!, true);
      this.#setFlags(flags[2] ?? '', false);
      // Flags that stand alone hold to the end of the group around them.
      if (flags[3] === ')') return undefined;
    }
    if (++this.#depth > DEPTH_MAX) throw new PatternError('expression nests too deeply');
    const node = this.#choice();
    this.#depth--;
    if (!this.#take(')')) throw new PatternError('missing closing )');
    this.#flags = outer;
    return node;
  }

  /** `m` and `U` make no difference: names have no lines, and what is matched as a whole is so greedily or not. */
  #setFlags(letters: string, value: boolean): void {
    if (letters.includes('i')) this.#flags = { ...this.#flags, foldCase: value };
    if (letters.includes('s')) this.#flags = { ...this.#flags, dotMatchesNewline: value };
  }

  #escape(): Node {
    const found = this.#matched(/[AzbB]/y)?.[0];
    if (found !== undefined) {
      const assertions = { A: 'start', z: 'end', b: 'wordBoundary', B: 'noWordBoundary' } as const;
      return { kind: 'assertion', assertion: assertions[found as keyof typeof assertions] };
    }
    if (this.#take('C')) return { kind: 'chars', chars: ANY };
    return { kind: 'chars', chars: this.#folded(this.#classEscape() ?? this.#charEscape()) };
  }

  #classEscape(): CharClass | undefined {
    const perl = this.#matched(/[dDsSwW]/y);
    if (perl !== undefined) return perlClass(perl[0]);
    const unicode = this.#matched(/([pP])(?:\{(\^?)([^}]*)\}|(.))/y);
    if (unicode === undefined) return undefined;
    const chars = unicodeClass(unicode[3] ?? unicode[4]!);
    if (chars === undefined) throw new PatternError(`invalid character class range: \\${unicode[0]}`);
    return (unicode[1] === 'P') !== (unicode[2] === '^') ? chars.negated() : chars;
  }

  #charEscape(): CharClass {
    const code = this.#charEscapeCode();
    return CharClass.of([code, code]);
  }

  #charEscapeCode(): number {
    const hex = this.#matched(/x(?:\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{2}))/y);
    if (hex !== undefined) {
      const code = Number.parseInt(hex[1] ?? hex[2]!, 16);
      if (code > CODE_POINT_MAX) throw new PatternError(`invalid escape sequence: \\${hex[0]}`);
      return code;
    }
    // One octal digit other than 0 would be a reference to a group.
    const octal = this.#matched(/0[0-7]{0,2}|[1-7][0-7]{1,2}/y);
    if (octal !== undefined) return Number.parseInt(octal[0], 8);
    const char = this.#next();
    const control = 'afnrtv'.indexOf(char);
    if (control >= 0) return [0x07, 0x0c, 0x0a, 0x0d, 0x09, 0x0b][control]!;
    if (/[0-9A-Za-z]/.test(char)) throw new PatternError(`invalid escape sequence: \\${char}`);
    return char.codePointAt(0)!;
  }

  #brackets(): CharClass {
    const negated = this.#take('^');
    let chars = CharClass.of();
    for (let first = true; first || !this.#peek(']'); first = false) {
      if (!this.#peek()) throw new PatternError('missing closing ]');
      chars = chars.union(this.#bracketItem());
    }
    this.#take(']');
    const wanted = this.#folded(chars);
    return negated ? wanted.negated() : wanted;
  }

  #bracketItem(): CharClass {
    const posix = this.#matched(/\[:(\^?)([a-z]+):\]/y);
    if (posix !== undefined) {
      const chars = posixClass(posix[2]!);
      if (chars === undefined) throw new PatternError(`invalid character class range: ${posix[0]}`);
      return posix[1] === '^' ? chars.negated() : chars;
    }
    if (this.#peek('\\')) {
      this.#at++;
      const chars = this.#classEscape();
      if (chars !== undefined) return chars;
      this.#at--;
    }
    const low = this.#bracketChar();
    const isRange = this.#peek('-') && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length;
    if (!isRange) return CharClass.of([low, low]);
    this.#at++;
    const high = this.#bracketChar();
    if (high < low) throw new PatternError('invalid character class range');
    return CharClass.of([low, high]);
  }

  #bracketChar(): number {
    return this.#take('\\') ? this.#charEscapeCode() : this.#next().codePointAt(0)!;
  }
}

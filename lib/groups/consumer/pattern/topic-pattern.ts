import { isWord } from './char-class.ts';
import { PatternError, type PlaceAssertion, parsePattern } from './parse.ts';
import { compileProgram, type Instruction } from './program.ts';

/** A pattern that matches names of topics as a whole. */
export interface TopicPattern {
  matches(name: string): boolean;
}

export type CompiledPattern =
  | { readonly kind: 'valid'; readonly pattern: TopicPattern }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Characters of a pattern; a client could spend any memory otherwise. */
export const PATTERN_LENGTH_MAX = 10_000;

/**
 * Compiles a pattern in RE2's syntax into an automaton whose work grows with the length of the name alone, so that no
 * pattern of a client's can hold up the process as a backtracking matcher's can.
 */
export function compilePattern(source: string): CompiledPattern {
  if (source.length > PATTERN_LENGTH_MAX) return { kind: 'invalid', reason: 'the pattern is too long' };
  try {
    const { instructions, start } = compileProgram(parsePattern(source));
    return { kind: 'valid', pattern: new Automaton(instructions, start) };
  } catch (error) {
    if (error instanceof PatternError) return { kind: 'invalid', reason: error.message };
    throw error;
  }
}

/** What a pattern may remember of steps taken before, in states; about 1 MB. Most patterns need a few hundred. */
const STATES_REMEMBERED_MAX = 50_000;

/** The code of what lies before and behind a name. */
const NOTHING = -1;

class Automaton implements TopicPattern {
  readonly #instructions: readonly Instruction[];
  readonly #first: readonly number[];
  /** The sets of states met so far, by their states; a set's number is its place in the order of meeting. */
  #sets = new Map<string, StateSet>();
  /** Steps taken before, by set and the characters around. */
  #steps = new Map<number, StateSet>();
  #remembered = 0;

  constructor(instructions: readonly Instruction[], start: number) {
    this.#instructions = instructions;
    this.#first = [start];
  }

  matches(name: string): boolean {
    if (this.#remembered > STATES_REMEMBERED_MAX) this.#forget();
    let current = this.#intern(this.#first);
    let before = NOTHING;
    for (let at = 0; at < name.length; at++) {
      const code = name.charCodeAt(at);
      current = this.#step(current, before, code);
      if (current.states.length === 0) return false;
      before = code;
    }
    return this.#closure(current, before, NOTHING).some((state) => this.#instructions[state]!.kind === 'match');
  }

  #forget(): void {
    this.#sets = new Map();
    this.#steps = new Map();
    this.#remembered = 0;
  }

  #intern(states: readonly number[]): StateSet {
    const key = states.join(',');
    let set = this.#sets.get(key);
    if (set === undefined) {
      set = { states, number: this.#sets.size };
      this.#sets.set(key, set);
      this.#remembered += states.length + 1;
    }
    return set;
  }

  #step(from: StateSet, before: number, code: number): StateSet {
    const side = before === NOTHING ? 0 : isWord(before) ? 1 : 2;
    const key = (from.number * SIDES + side) * CODES + code;
    let next = this.#steps.get(key);
    if (next === undefined) {
      const reached = new Set<number>();
      for (const state of this.#closure(from, before, code)) {
        const instruction = this.#instructions[state]!;
        if (instruction.kind === 'chars' && instruction.chars.has(code)) reached.add(instruction.next);
      }
      next = this.#intern([...reached].sort((a, b) => a - b));
      this.#steps.set(key, next);
      this.#remembered++;
    }
    return next;
  }

  /** All states that can be reached from a set without a character, between `before` and `after`. */
  #closure(from: StateSet, before: number, after: number): number[] {
    const seen = new Set<number>();
    const open = [...from.states];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (seen.has(state)) continue;
      seen.add(state);
      const instruction = this.#instructions[state]!;
      if (instruction.kind === 'split') open.push(...instruction.next);
      if (instruction.kind === 'assertion' && holds(instruction.assertion, before, after)) open.push(instruction.next);
    }
    return [...seen];
  }
}

interface StateSet {
  readonly states: readonly number[];
  readonly number: number;
}

/** What may lie before a place: nothing, a character of a word, another one. */
const SIDES = 3;
/** Codes of one UTF-16 unit. */
const CODES = 0x10000;

function holds(assertion: PlaceAssertion, before: number, after: number): boolean {
  switch (assertion) {
    case 'start':
      return before === NOTHING;
    case 'end':
      return after === NOTHING;
    case 'wordBoundary':
      return isWord(before) !== isWord(after);
    case 'noWordBoundary':
      return isWord(before) === isWord(after);
  }
}

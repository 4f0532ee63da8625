import type { CharClass } from './char-class.ts';
import { type Node, PatternError, type PlaceAssertion } from './parse.ts';

/** One state of the automaton: where it goes on to, and on what. */
export type Instruction =
  | { readonly kind: 'chars'; readonly chars: CharClass; next: number }
  | { readonly kind: 'assertion'; readonly assertion: PlaceAssertion; next: number }
  | { readonly kind: 'split'; readonly next: number[] }
  | { readonly kind: 'match' };

/**
 * States of one pattern. Matching a name costs at most its length times this; counts such as {1,249} unfold to as many
 * states, so that ordinary patterns stay far below it. Kafka leaves the size to RE2/J, which has no limit but memory.
 */
export const PROGRAM_STATES_MAX = 2000;

/** Nodes visited while unfolding: counts of what is empty make no states, and would otherwise multiply without end. */
const VISITS_MAX = 10 * PROGRAM_STATES_MAX;

/** The automaton of a pattern (Thompson's construction); its first state is `start`. Throws PatternError. */
export function compileProgram(node: Node): { readonly instructions: readonly Instruction[]; readonly start: number } {
  const compiler = new Compiler();
  const match = compiler.add({ kind: 'match' });
  return { instructions: compiler.instructions, start: compiler.compile(node, match) };
}

class Compiler {
  readonly instructions: Instruction[] = [];
  #visits = 0;

  add(instruction: Instruction): number {
    if (this.instructions.length >= PROGRAM_STATES_MAX) throw new PatternError('the pattern is too large');
    return this.instructions.push(instruction) - 1;
  }

  /** Builds the states of a node in front of the state `next`; returns the first of them. */
  compile(node: Node, next: number): number {
    if (++this.#visits > VISITS_MAX) throw new PatternError('the pattern is too large');
    switch (node.kind) {
      case 'chars':
        return this.add({ kind: 'chars', chars: node.chars, next });
      case 'assertion':
        return this.add({ kind: 'assertion', assertion: node.assertion, next });
      case 'sequence':
        return node.nodes.reduceRight((after, one) => this.compile(one, after), next);
      case 'choice':
        return this.add({ kind: 'split', next: node.nodes.map((one) => this.compile(one, next)) });
      case 'repeat':
        return this.#repeat(node.node, node.min, node.max, next);
    }
  }

  #repeat(node: Node, min: number, max: number | undefined, next: number): number {
    let first = next;
    if (max === undefined) {
      const loop: number[] = [next];
      first = this.add({ kind: 'split', next: loop });
      loop.push(this.compile(node, first));
    } else {
      // Each of the optional ones may be the last.
      for (let optional = max - min; optional > 0; optional--) {
        const body = this.compile(node, first);
        first = this.add({ kind: 'split', next: [body, next] });
      }
    }
    for (let required = min; required > 0; required--) first = this.compile(node, first);
    return first;
  }
}

import { RE2JS, RE2JSException } from 're2js';
import { patternSize } from './pattern-size.ts';

/** A pattern that matches names of topics as a whole. */
export interface TopicPattern {
  matches(name: string): boolean;
}

export type CompiledPattern =
  | { readonly kind: 'valid'; readonly pattern: TopicPattern }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Characters of a pattern. */
export const PATTERN_LENGTH_MAX = 10_000;

/**
 * Instructions of one compiled pattern. A name costs at most its length times this; a count such as {1,249} takes
 * as many instructions as it repeats, and ordinary patterns stay far below. Kafka leaves the size to RE2/J.
 */
export const PATTERN_SIZE_MAX = 2000;

/** Groups within groups. RE2/J has the same limit; it keeps a compiler's recursion shallow. */
const PATTERN_DEPTH_MAX = 1000;

/**
 * Compiles a pattern in RE2's syntax, the one of KIP-848 (https://github.com/google/re2/wiki/Syntax). Matching
 * takes linear time, so that no client's pattern can block the process as it could a backtracking matcher. The
 * size is checked before the compilation, which would unfold every repetition.
 */
export function compilePattern(source: string): CompiledPattern {
  if (source.length > PATTERN_LENGTH_MAX) return { kind: 'invalid', reason: 'the pattern is too long' };
  const { instructions, depth } = patternSize(source);
  if (depth > PATTERN_DEPTH_MAX) return { kind: 'invalid', reason: 'the pattern nests too deeply' };
  if (instructions > PATTERN_SIZE_MAX) return { kind: 'invalid', reason: 'the pattern is too large' };
  try {
    return { kind: 'valid', pattern: RE2JS.compile(source) };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return { kind: 'invalid', reason: error.message.replace(/^error parsing regexp: /, '') };
  }
}

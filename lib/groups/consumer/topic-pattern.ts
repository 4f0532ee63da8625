import { RE2JS, RE2JSException } from 're2js';
import { patternSize } from './pattern-size.ts';

/** A pattern that matches whole topic names. */
export interface TopicPattern {
  matches(name: string): boolean;
}

export type CompiledPattern =
  | { readonly kind: 'valid'; readonly pattern: TopicPattern }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Maximum length of a pattern; characters. */
export const PATTERN_LENGTH_MAX = 10_000;

/**
 * Maximum size of one compiled pattern; instructions. Matching a name takes at most its length
 * times this many steps. A count such as {1,249} takes as many instructions as repetitions;
 * ordinary patterns stay far below the limit. Kafka leaves the limit to RE2/J.
 */
export const PATTERN_SIZE_MAX = 2000;

/** Maximum nesting of groups, the same as in RE2/J. It bounds the compiler's recursion. */
const PATTERN_DEPTH_MAX = 1000;

/**
 * Compiles a pattern in RE2's syntax, as KIP-848 requires
 * (https://github.com/google/re2/wiki/Syntax). Matching takes linear time, so no client's pattern
 * can block the process, as it could with a backtracking matcher. The size is checked before the
 * compilation, which would unroll every repetition.
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

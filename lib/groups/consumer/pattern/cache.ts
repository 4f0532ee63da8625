import { compilePattern, type TopicPattern } from './topic-pattern.ts';

/** Compiled patterns that are kept; beyond it the ones used longest ago are compiled again when needed. */
const PATTERNS_MAX = 100;

const compiled = new Map<string, TopicPattern>();

/**
 * Whether a pattern matches a name as a whole. Compiles each pattern once. An invalid pattern, which no member can have
 * brought in, matches nothing.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  return compiledOf(pattern)?.matches(name) ?? false;
}

/** Why a pattern is not valid; undefined if it is. */
export function patternProblem(pattern: string): string | undefined {
  if (compiledOf(pattern) !== undefined) return undefined;
  const outcome = compilePattern(pattern);
  return outcome.kind === 'invalid' ? outcome.reason : undefined;
}

function compiledOf(source: string): TopicPattern | undefined {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  const outcome = compilePattern(source);
  if (outcome.kind === 'invalid') return undefined;
  compiled.set(source, outcome.pattern);
  if (compiled.size > PATTERNS_MAX) compiled.delete(compiled.keys().next().value!);
  return outcome.pattern;
}

/**
 * The types of configs (org.apache.kafka.common.config.ConfigDef.Type), with their codes in
 * DescribeConfigs.
 */
export const CONFIG_TYPES = { BOOLEAN: 1, STRING: 2, INT: 3, LONG: 5, DOUBLE: 6, LIST: 7 } as const;

export type ConfigType = keyof typeof CONFIG_TYPES;

/** Constraints on a config's value, in addition to its type. */
export interface ConfigRange {
  readonly min?: number;
  readonly max?: number;
  /** The allowed words; for a LIST, the allowed elements. */
  readonly words?: readonly string[];
  /** For constraints that bounds and words cannot express. Returns the problem, or undefined. */
  readonly check?: (value: string) => string | undefined;
}

const BOUNDS: Readonly<Record<'INT' | 'LONG', readonly [bigint, bigint]>> = {
  INT: [-(2n ** 31n), 2n ** 31n - 1n],
  LONG: [-(2n ** 63n), 2n ** 63n - 1n],
};

/**
 * The problem with a value, in Kafka's words (ConfigDef.parseType and its validators); undefined if
 * it is valid.
 */
export function valueProblem(type: ConfigType, range: ConfigRange, value: string): string | undefined {
  const text = value.trim();
  switch (type) {
    case 'BOOLEAN':
      return /^(true|false)$/i.test(text) ? range.check?.(text) : 'Expected value to be either true or false';
    case 'INT':
    case 'LONG': {
      const [low, high] = BOUNDS[type];
      const isNumber = /^[+-]?\d{1,19}$/.test(text) && BigInt(text) >= low && BigInt(text) <= high;
      return isNumber ? rangeProblem(range, Number(text)) : `Not a number of type ${type}`;
    }
    case 'DOUBLE':
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)
        ? rangeProblem(range, Number(text))
        : 'Not a number of type DOUBLE';
    case 'STRING':
      return range.words === undefined || range.words.includes(text) ? range.check?.(text) : oneOf(range.words);
    case 'LIST': {
      const parts = listParts(text);
      const known = range.words === undefined || parts.every((part) => range.words!.includes(part));
      return known ? range.check?.(text) : oneOf(range.words!);
    }
  }
}

function rangeProblem({ min, max, check }: ConfigRange, value: number): string | undefined {
  if (min !== undefined && value < min) return `Value must be at least ${min}`;
  return max !== undefined && value > max ? `Value must be no more than ${max}` : check?.(String(value));
}

function oneOf(words: readonly string[]): string {
  return `String must be one of: ${words.join(', ')}`;
}

/** The elements of a list. An empty text is an empty list. */
export function listParts(value: string): string[] {
  return value.trim() === '' ? [] : value.split(',').map((part) => part.trim());
}

/**
 * A valid value in Kafka's canonical form (ConfigDef.convertToString): `TRUE` as `true`, `007` as
 * `7`, `1` of a DOUBLE as `1.0`, `a,a` of a LIST as `a`.
 */
export function shownValue(type: ConfigType, value: string): string {
  const text = value.trim();
  switch (type) {
    case 'BOOLEAN':
      return text.toLowerCase();
    case 'INT':
    case 'LONG':
      return BigInt(text).toString();
    case 'DOUBLE':
      return Number.isInteger(Number(text)) ? `${Number(text)}.0` : String(Number(text));
    case 'STRING':
      return text;
    case 'LIST':
      return [...new Set(listParts(text))].join(',');
  }
}

import * as v from 'valibot';

/**
 * The value types of settings. Every schema parses the text of a file, a variable or a flag. Its
 * message says what is allowed; error lines quote it.
 */

/** Stands for Kafka's `Long.MAX_VALUE`, "no limit". Numbers are exact up to this value. */
const LARGEST = Number.MAX_SAFE_INTEGER;

/**
 * Whole numbers in [min, max]; values beyond 2^53 - 1 saturate, as Kafka's Long.MAX_VALUE has to.
 */
export function wholeNumber(min: number, max: number = LARGEST) {
  const allowed = max === LARGEST ? `a whole number from ${min} up` : `a whole number from ${min} to ${max}`;
  return v.pipe(
    v.string(),
    v.trim(),
    v.regex(/^[+-]?\d{1,19}$/, allowed),
    v.transform((text) => Math.max(-LARGEST, Math.min(LARGEST, Number(text)))),
    v.check((value) => value >= min && value <= max, allowed),
  );
}

/**
 * -1 for "no limit", or a whole number from 1 to max, as Kafka defines retention
 * (KafkaConfig.validateValues).
 */
export function unlimitedOr(max: number = LARGEST) {
  return v.pipe(
    wholeNumber(-1, max),
    v.check((value) => value !== 0, 'a whole number from 1 up, or -1 for no limit'),
  );
}

/** `auto`, or a whole number in [min, max]. A union of schemas would be larger in the bundles. */
export function autoOr(min: number, max: number) {
  const allowed = `auto, or a whole number from ${min} to ${max}`;
  return v.pipe(
    v.string(),
    v.trim(),
    v.regex(/^(auto|\d{1,9})$/, allowed),
    v.transform((text) => (text === 'auto' ? text : Number(text))),
    v.check((value) => value === 'auto' || (value >= min && value <= max), allowed),
  );
}

/** A number from 0 to 1. */
export function ratio() {
  const allowed = 'a number from 0 to 1';
  return v.pipe(
    v.string(),
    v.trim(),
    v.regex(/^\d+(\.\d+)?$/, allowed),
    v.transform(Number),
    v.check((value) => value <= 1, allowed),
  );
}

/** `true` or `false` in any case, as in Kafka's ConfigDef. */
export function yesOrNo() {
  return v.pipe(
    v.string(),
    v.trim(),
    v.toLowerCase(),
    v.picklist(['true', 'false'], 'true or false'),
    v.transform((text) => text === 'true'),
  );
}

/** One of the given words. */
export function oneOf<const Word extends string>(...words: Word[]) {
  return v.pipe(v.string(), v.trim(), v.picklist(words, `one of ${words.join(', ')}`));
}

/** One or more of the given words, separated by commas. */
export function listOf<const Word extends string>(...words: Word[]) {
  const allowed = `a list, separated by commas, of ${words.join(', ')}`;
  return v.pipe(
    v.string(),
    v.transform((text) => text.split(',').map((word) => word.trim())),
    v.array(v.picklist(words, allowed)),
    v.readonly(),
  );
}

/** Any nonempty text. */
export function text(allowed = 'a text that is not empty') {
  return v.pipe(v.string(), v.trim(), v.nonEmpty(allowed));
}

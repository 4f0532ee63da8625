import * as v from 'valibot';
import { clipText } from '../core/clip-text.ts';
import { PRICE_NAMES, type PriceBook, type PriceName } from './prices.ts';

export type PriceFile =
  | { readonly kind: 'book'; readonly prices: PriceBook }
  /** `problem`: a sentence that names the key and what is allowed. */
  | { readonly kind: 'invalid'; readonly problem: string };

/** A wrong value in a sentence; a whole book does not fit a line. */
const SHOWN_BYTES_MAX = 60;

const PRICE_FIELDS = {
  usd: 'a number of dollars from 0 on',
  date: 'the year and month when the price was read, such as "2026-11"',
  source: 'a text that says where the price stands, such as the address of a page',
} as const;

const price = v.strictObject({
  usd: v.pipe(v.number(), v.finite(), v.minValue(0)),
  date: v.pipe(v.string(), v.regex(/^\d{4}-\d{2}(-\d{2})?$/)),
  source: v.pipe(v.string(), v.nonEmpty()),
});
const names = Object.keys(PRICE_NAMES) as PriceName[];
const region = v.strictObject(
  Object.fromEntries(names.map((name) => [name, price])) as Record<PriceName, typeof price>,
);
const book = v.record(v.pipe(v.string(), v.regex(/^[a-z]+(-[a-z]+)+-\d+$/)), region);

/** Reads a price book: `{ REGION: { PRICE: { "usd": 1e-6, "date": "2026-11", "source": "..." } } }`. */
export function parsePriceFile(text: string): PriceFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'invalid', problem: `It is not JSON: ${(error as Error).message}.` };
  }
  const parsed = v.safeParse(book, value);
  if (!parsed.success) return { kind: 'invalid', problem: problemOf(parsed.issues[0]) };
  const regions = Object.entries(parsed.output);
  if (regions.length === 0) return { kind: 'invalid', problem: 'It has no Region: at least one is needed.' };
  return { kind: 'book', prices: new Map(regions) };
}

type Issue = v.InferIssue<typeof book>;

/** Keys on the way to what is wrong: Region, price, field. */
function problemOf({ path, type, expected, input }: Issue): string {
  const keys = path?.map(({ key }) => String(key)) ?? [];
  const last = keys.at(-1);
  const where = keys.slice(0, -1).join(', ');
  if (path?.[0].origin === 'key') {
    return `"${clipText(keys[0]!, SHOWN_BYTES_MAX)}" is no Region. Needed is a name such as us-east-1.`;
  }
  if (type === 'strict_object' && expected === 'never') {
    return `${where} has the unknown key "${last}". Allowed are ${allowedIn(keys.length - 1).join(', ')}.`;
  }
  if (type === 'strict_object' && input === undefined) {
    const what = keys.length === 2 ? `the price of ${PRICE_NAMES[last as PriceName]}` : meaningOf(last);
    return `${where} has no "${last}", which is needed: ${what}.`;
  }
  const at = keys.length === 0 ? 'It' : keys.join(', ');
  return `${at} is ${clipText(JSON.stringify(input), SHOWN_BYTES_MAX)}. Needed is ${[BOOK, REGION, PRICE][keys.length] ?? meaningOf(last)}.`;
}

const BOOK = 'an object with prices by Region';
const REGION = `an object with the prices ${names.join(', ')}`;
const PRICE = `an object with ${Object.keys(PRICE_FIELDS).join(', ')}`;

/** What may stand in a Region (depth 1) or in a price (depth 2). */
function allowedIn(depth: number): readonly string[] {
  return depth === 1 ? names : Object.keys(PRICE_FIELDS);
}

function meaningOf(field: string | undefined): string {
  return PRICE_FIELDS[field as keyof typeof PRICE_FIELDS];
}

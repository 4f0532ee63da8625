import { isDeepStrictEqual } from 'node:util';
import { apis } from '../../../lib/wire/apis.ts';
import { identityOf } from './normalise.ts';
import type { Exchange } from './speaker.ts';

/** One field in which two answers to the same request differ. */
export interface Difference {
  readonly label: string;
  /** The API's name. */
  readonly api: string;
  readonly version: number;
  /** Where, without the indexes of arrays: 'topics.partitions.errorCode', 'topics.configs[retention.ms].value'. */
  readonly path: string;
  readonly tidelog: unknown;
  readonly kafka: unknown;
}

/** Texts for people: whether there is one is compared, and that it has the facts of Kafka's, not its words. */
const TEXTS: ReadonlySet<string> = new Set(['errorMessage', 'batchIndexErrorMessage', 'documentation']);

/** What differs in the answers to one request. */
export function differences(tidelog: Exchange, kafka: Exchange): Difference[] {
  const found: Difference[] = [];
  const { label, apiKey, version } = kafka;
  const facts = factsIn(kafka.request);
  const report = (path: string, ours: unknown, theirs: unknown) =>
    found.push({ label, api: apis[apiKey].name, version, path, tidelog: ours, kafka: theirs });

  const walk = (path: string, field: string, ours: unknown, theirs: unknown): void => {
    if (isDeepStrictEqual(ours, theirs)) return;
    if (TEXTS.has(field) && isText(ours) && isText(theirs)) {
      const missing = facts.filter((fact) => theirs.includes(fact) && !ours.includes(fact));
      if (missing.length > 0 && field !== 'documentation') report(path, ours, theirs);
    } else if (Array.isArray(ours) && Array.isArray(theirs)) {
      if (!ours.every(isStruct) || !theirs.every(isStruct) || ours.length * theirs.length === 0) {
        report(path, ours, theirs);
        return;
      }
      for (const [one, other] of pairs(ours, theirs)) walk(placeOf(path, field, one ?? other), field, one, other);
    } else if (isStruct(ours) && isStruct(theirs)) {
      // What goes with another error is another answer altogether.
      if (ours.errorCode !== theirs.errorCode) {
        report(path === '' ? 'errorCode' : `${path}.errorCode`, ours.errorCode, theirs.errorCode);
        return;
      }
      for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
        walk(path === '' ? name : `${path}.${name}`, name, ours[name], theirs[name]);
      }
    } else {
      report(path, ours, theirs);
    }
  };
  walk('', '', tidelog.outcome, kafka.outcome);
  return found;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isStruct(value: unknown): value is Struct {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Struct = Readonly<Record<string, unknown>>;

/** Configs are told apart in paths, as each has its own reasons. */
function placeOf(path: string, field: string, element: Struct | undefined): string {
  return field === 'configs' ? `${path}[${element?.name}]` : path;
}

/** Elements that are about the same thing, in their order; those that only one side has come alone. */
function pairs(ours: readonly Struct[], theirs: readonly Struct[]): [Struct | undefined, Struct | undefined][] {
  const left = [...theirs];
  const found = ours.map((one): [Struct | undefined, Struct | undefined] => {
    const at = left.findIndex((other) => identityOf(other) === identityOf(one));
    return [one, at === -1 ? undefined : left.splice(at, 1)[0]];
  });
  return [...found, ...left.map((other): [undefined, Struct] => [undefined, other])];
}

/** Shorter ones stand in a sentence by chance. */
const FACT_CHARS_MIN = 3;

/** The names and values in a request, which a text about it may repeat. */
function factsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.length >= FACT_CHARS_MIN ? [value] : [];
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [];
  return Object.values(value).flatMap(factsIn);
}

import { SERVED } from '../../lib/broker/served.ts';
import { type ApiKey, apis, type RequestInput } from '../../lib/wire/apis.ts';
import type { Field, Fields, FieldType } from '../../lib/wire/schema/field.ts';
import { includesVersion } from '../../lib/wire/schema/versions.ts';
import { requestFrame } from './kafka-client.ts';

/** What there is on the broker that requests may name. */
export interface Known {
  readonly topic: { readonly name: string; readonly id: string };
  readonly group: string;
}

/**
 * - `same`: every element names the same thing, which is there.
 * - `distinct`: every element names something else, which as a rule is not there.
 * - `empty`: every element is as short as it can be.
 */
export type Elements = 'same' | 'distinct' | 'empty';

export interface GreedyRequest {
  readonly apiKey: ApiKey;
  readonly version: number;
  readonly title: string;
  /** The request without its size. */
  readonly frame: Buffer;
}

type Path = readonly string[];
type Value = Readonly<Record<string, unknown>>;

/**
 * For every API that is served, in its newest version, and for every array in its request: the request that has as many
 * elements there as `bytesMax` and the API's own bound allow, and one in every array around it.
 */
export function greedyRequests(
  known: Known,
  bytesMax: number,
  elementsMaxOf: (key: ApiKey) => number,
): GreedyRequest[] {
  return [...SERVED].flatMap(([apiKey, { max: version }]) =>
    arraysOf(apis[apiKey].request.fields, version).flatMap((path) =>
      (['same', 'distinct', 'empty'] as const).map((elements) => {
        const encode = (count: number) => {
          const body = structOf(apis[apiKey].request.fields, version, path, { known, elements, count }, 0);
          return requestFrame(apiKey, version, 1, body as RequestInput<ApiKey>);
        };
        const count = Math.min(elementsMaxOf(apiKey) - path.length, largestCount(encode, bytesMax));
        const { name } = apis[apiKey];
        const title = `${name} v${version} with ${count} elements (${elements}) in ${path.join('.')}`;
        return { apiKey, version, title, frame: encode(count) };
      }),
    ),
  );
}

function largestCount(encode: (count: number) => Buffer, bytesMax: number): number {
  const few = encode(1_000).length;
  const more = encode(2_000).length;
  return Math.floor((bytesMax - few) / ((more - few) / 1_000)) + 1_000;
}

/** Where the arrays of a struct are, from the outermost inwards. */
function arraysOf(fields: Fields, version: number): Path[] {
  return Object.entries(fields).flatMap(([name, field]): Path[] => {
    if (!includesVersion(field.versions, version) || field.type.kind !== 'array') return [];
    const { element } = field.type;
    const inner = element.kind === 'struct' ? arraysOf(element.fields, version) : [];
    return [[name], ...inner.map((path) => [name, ...path])];
  });
}

interface Wanted {
  readonly known: Known;
  readonly elements: Elements;
  readonly count: number;
}

function structOf(fields: Fields, version: number, path: Path, wanted: Wanted, index: number): Value {
  const there = Object.entries(fields).filter(([, field]) => includesVersion(field.versions, version));
  return Object.fromEntries(
    there.flatMap(([name, field]) => {
      const value = fieldOf(name, field, version, path, wanted, index);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function fieldOf(name: string, field: Field, version: number, path: Path, wanted: Wanted, index: number): unknown {
  const { type } = field;
  const isNullable = includesVersion(field.nullable, version);
  if (type.kind === 'scalar') return scalarOf(name, type, field.defaultValue, wanted, index);
  if (type.kind === 'struct') return isNullable ? null : structOf(type.fields, version, [], wanted, index);
  const onPath = path[0] === name;
  // Null stands for everything there is.
  if (!onPath && isNullable) return null;
  const isInnermost = onPath && path.length === 1;
  const length = isInnermost ? wanted.count : onPath || name !== 'assignments' ? 1 : 0;
  const inner = onPath ? path.slice(1) : [];
  return Array.from({ length }, (_, at) => elementOf(name, type.element, version, inner, wanted, isInnermost ? at : 0));
}

function elementOf(name: string, type: FieldType, version: number, path: Path, wanted: Wanted, index: number): unknown {
  if (type.kind === 'struct') return structOf(type.fields, version, path, wanted, index);
  return scalarOf(name, type, undefined, wanted, index);
}

function scalarOf(name: string, type: FieldType, byDefault: unknown, wanted: Wanted, index: number): unknown {
  if (type.kind !== 'scalar') return byDefault;
  const { known, elements } = wanted;
  const number = elements === 'distinct' ? index : 0;
  switch (type.name) {
    case 'string':
      return textOf(name, byDefault, wanted, number);
    case 'uuid':
      return elements === 'same' ? known.topic.id : idOf(number);
    case 'bytes':
    case 'records':
      return type.name === 'records' ? null : Buffer.alloc(0);
    case 'bool':
      return byDefault ?? false;
    default:
      if (/^(partition|partitions|partitionIndex|partitionIndexes|partitionId|index)$/.test(name)) return number;
      // A topic's: the others have no list of things by themselves.
      if (name === 'resourceType') return 2;
      return byDefault ?? 0;
  }
}

function textOf(name: string, byDefault: unknown, { known, elements }: Wanted, index: number): unknown {
  if (elements === 'empty') return byDefault ?? '';
  const suffix = elements === 'distinct' && index > 0 ? `-${index}` : '';
  if (/topic|^name$|resourceName/i.test(name)) return `${known.topic.name}${suffix}`;
  if (/group|key/i.test(name)) return `${known.group}${suffix}`;
  return byDefault === null ? null : suffix.slice(1);
}

function idOf(index: number): string {
  const id = Buffer.alloc(16);
  id.writeUInt32BE(index, 12);
  return id.toString('base64url');
}

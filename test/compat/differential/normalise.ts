import { errorName } from '../../../lib/core/errors.ts';
import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import { readRecords } from '../../support/read-records.ts';
import { batchesIn } from '../../support/requests.ts';

/** Names for values that a broker chooses itself, by where they were first seen. */
export class Aliases {
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();

  constructor(known: readonly (readonly [string, string])[]) {
    for (const [value, name] of known) this.set(value, name);
  }

  set(value: string, name: string): void {
    this.#names.set(value, name);
    this.#taken.add(name);
  }

  /** The name of a value; the first time that is the place where it stands. */
  of(value: string, place: string): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    let name = `<${place}>`;
    for (let more = 2; this.#taken.has(name); more++) name = `<${place} ${more}>`;
    this.set(value, name);
    return name;
  }
}

/** Member ids that a broker makes end in a random uuid, or are one. */
const MADE_ID = /([\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}|[\w-]{22})$/;

/** Times of the broker's own clock; the requests name only times before. Ms. */
const OWN_TIMES_FROM = 1_750_000_000_000;

/** Topics of Kafka's own, which come and go with what was asked before. */
const INTERNAL = /^__(consumer_offsets|transaction_state|share_group_state)$/;

/** What tells the elements of an array apart, whatever their order. */
const IDENTITY = [
  'name',
  'topic',
  'topicName',
  'groupId',
  'key',
  'memberId',
  'resourceType',
  'resourceName',
  'partitionIndex',
  'partition',
  'index',
  'partitionId',
  'nodeId',
  'brokerId',
  'apiKey',
] as const;

/**
 * An answer as it is compared: errors by name, batches decoded, what a broker chooses itself by where it was first seen, and
 * arrays of structs in the order of what identifies their elements, as the order of Kafka's comes from hash tables.
 */
export function normalised(value: unknown, place: string, aliases: Aliases, field = ''): unknown {
  if (Buffer.isBuffer(value))
    return field === 'records' ? decodedBatches(value, place, aliases) : value.toString('hex');
  if (Array.isArray(value)) {
    const elements = value.filter((one) => !isInternal(one)).map((one) => normalised(one, place, aliases, field));
    return elements.some((one) => typeof one === 'object' && one !== null) ? inOrder(elements) : elements;
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => name !== 'throttleTimeMs')
        .map(([name, inner]) => [name, normalised(inner, place, aliases, name)]),
    );
  }
  return scalar(value, place, aliases, field);
}

function scalar(value: unknown, place: string, aliases: Aliases, field: string): unknown {
  if (typeof value === 'number') {
    if (field === 'errorCode' || field === 'topicConfigErrorCode') return errorName(value) ?? value;
    if (field === 'producerId') return value >= 0 ? '<producer id>' : value;
    return value >= OWN_TIMES_FROM && value < Number.MAX_SAFE_INTEGER ? '<now>' : value;
  }
  if (typeof value !== 'string') return value;
  if (field === 'topicId') return value === ZERO_UUID ? 'zero' : aliases.of(value, `${place} id`);
  if (field === 'memberId' || field === 'leader') return MADE_ID.test(value) ? aliases.of(value, place) : value;
  if (field === 'logDir') return '<path>';
  return value;
}

function inOrder(elements: readonly unknown[]): readonly unknown[] {
  const structs = elements as readonly Readonly<Record<string, unknown>>[];
  return structs
    .map((one) => [`${identityOf(one)} ${one.errorCode}`, one] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, one]) => one);
}

function isInternal(value: unknown): boolean {
  const { name, topic, resourceName } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return INTERNAL.test(String(name ?? topic ?? resourceName));
}

/** What a struct is about: its name, number or the like. */
export function identityOf(struct: Readonly<Record<string, unknown>>): string {
  const known = IDENTITY.flatMap((name) => (struct[name] === undefined || struct[name] === '' ? [] : [struct[name]]));
  // Ids are made up by the broker; they tell only what has no name apart.
  return JSON.stringify(known.length > 0 ? known : [struct.topicId]);
}

function decodedBatches(records: Buffer, place: string, aliases: Aliases): unknown {
  return batchesIn(records).map(({ header, bytes }) => {
    const { sizeInBytes: _, crc: __, ...rest } = header as typeof header & { crc?: number };
    const shown = normalised({ ...rest, records: undefined }, place, aliases) as object;
    return {
      ...shown,
      values: readRecords(bytes).map(({ offset, timestamp, key, value }) => ({
        offset,
        timestamp: timestamp >= OWN_TIMES_FROM ? '<now>' : timestamp,
        key: key?.toString('latin1') ?? null,
        value: value?.toString('latin1') ?? null,
      })),
    };
  });
}

import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import type { Parts } from './codec.ts';
import type { Decoded, Encodable, Fields } from './field.ts';
import { compilePlan, type StructPlan } from './plan.ts';
import { includesVersion, NO_VERSIONS, parseVersions, type VersionRange, type Versions } from './versions.ts';

/** One message of the protocol in all its versions. */
export interface Message<F extends Fields = Fields> {
  /** As Kafka calls it, e.g. 'ProduceRequest'. */
  readonly name: string;
  /** The versions that can be decoded and encoded. */
  readonly versions: VersionRange;
  /** Those with compact lengths and tagged fields (KIP-482). */
  readonly flexible: VersionRange;
  readonly fields: F;
  /** How to read and write one version; throws AssertionError for a version outside `versions`. */
  plan(version: number): StructPlan;
}

/** What decoding a message gives. */
export type Infer<M extends Message> = Decoded<M['fields']>;

/** What encoding a message takes. */
export type InferInput<M extends Message> = Encodable<M['fields']>;

/**
 * Describes a message: its name, the versions that it has, those of them that are flexible, and its
 * fields in the order of the wire. Plans are compiled on a version's first use and kept.
 */
export function message<F extends Fields>(
  name: string,
  versionsText: Versions,
  flexibleText: Versions | 'none',
  fields: F,
): Message<F> {
  const versions = parseVersions(versionsText);
  const flexible = flexibleText === 'none' ? NO_VERSIONS : parseVersions(flexibleText);
  const plans: (StructPlan | undefined)[] = [];
  return {
    name,
    versions,
    flexible,
    fields,
    plan(version) {
      const known = plans[version];
      if (known !== undefined) return known;
      const compiled = compilePlan(name, fields, version, versions, flexible);
      plans[version] = compiled;
      return compiled;
    },
  };
}

/** Whether the message exists at a version. */
export function hasVersion(message: Message, version: number): boolean {
  return Number.isInteger(version) && includesVersion(message.versions, version);
}

/** Reads one message and leaves what follows it. Throws DecodeError. */
export function readMessage<M extends Message>(message: M, version: number, reader: Reader): Infer<M> {
  return message.plan(version).read(reader) as Infer<M>;
}

/**
 * Writes one message. Throws EncodeError for a value that this version cannot carry: null where it
 * may not be, or a field that the version lacks, is not ignorable and is not at its default (as
 * Kafka's generated `write` methods do).
 */
export function writeMessage<M extends Message>(
  message: M,
  version: number,
  value: InferInput<M>,
  writer: Writer,
): void {
  message.plan(version).write(writer, value as Readonly<Record<string, unknown>>);
}

/** The same in parts, so that others can be served in between. Throws as `writeMessage`. */
export function writeMessageParts<M extends Message>(
  message: M,
  version: number,
  value: InferInput<M>,
  writer: Writer,
): Parts {
  return message.plan(version).writeParts(writer, value as Readonly<Record<string, unknown>>);
}

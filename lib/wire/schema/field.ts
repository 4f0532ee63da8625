import type { Uuid } from '../../core/uuid.ts';
import { ZERO_UUID } from '../../core/uuid.ts';
import type { RecordsInput } from '../writer.ts';
import { ALL_VERSIONS, NO_VERSIONS, parseVersions, type VersionRange, type Versions } from './versions.ts';

/** The types of Kafka's messages whose values are single numbers, texts or byte strings. */
export type ScalarName =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records';

/** What a field holds. */
export type FieldType =
  | { readonly kind: 'scalar'; readonly name: ScalarName }
  | { readonly kind: 'array'; readonly element: FieldType }
  | { readonly kind: 'struct'; readonly fields: Fields };

/**
 * One field of a message, for all versions of it. `Out` is what decoding gives, `In` what encoding
 * takes; `Optional` says whether `In` may leave it out.
 */
export interface Field<Out = unknown, In = unknown, Optional extends boolean = boolean> {
  readonly type: FieldType;
  /** Where the field exists. */
  readonly versions: VersionRange;
  /** Where it may be null. */
  readonly nullable: VersionRange;
  /** Set if the field travels in the tagged section of its struct, in every version that has it. */
  readonly tag: number | undefined;
  /** Whether encoding may drop a value that the version has no place for. */
  readonly ignorable: boolean;
  /** False for a string that keeps its two-byte length in flexible versions. */
  readonly flexible: boolean;
  /**
   * Whether a text that no string can carry is cut off instead of refused; for texts that only
   * people read.
   */
  readonly clipped: boolean;
  readonly defaultValue: unknown;
  /** Only for the compiler; undefined at run time. */
  readonly $out: Out;
  readonly $in: In;
  readonly $optional: Optional;
}

/** The fields of a struct in the order of the wire. */
export interface Fields {
  readonly [name: string]: Field;
}

export interface FieldOptions {
  /** `true` for all versions of the field. */
  readonly nullable?: true | Versions;
  /** In place of the type's own default: 0, false, '', the zero uuid, no elements. */
  readonly default?: unknown;
  readonly ignorable?: true;
  readonly tag?: number;
  readonly flexible?: false;
  readonly clipped?: true;
}

/**
 * The object that decoding fields gives: each is there, with its default where the version lacks
 * it.
 */
export type Decoded<F extends Fields> = { readonly [Name in keyof F]: F[Name]['$out'] };

type OptionalName<F extends Fields> = {
  [Name in keyof F]: F[Name]['$optional'] extends true ? Name : never;
}[keyof F];

/**
 * The object that encoding fields takes. May be left out: what has a default of its own, is tagged,
 * is ignorable, or does not exist in every version of the message.
 */
export type Encodable<F extends Fields> = {
  readonly [Name in Exclude<keyof F, OptionalName<F>>]: F[Name]['$in'];
} & { readonly [Name in OptionalName<F>]?: F[Name]['$in'] | undefined };

type OrNull<T, O> = O extends { nullable: true | Versions } ? T | null : T;

type IsOptional<O> = O extends { default: unknown } | { ignorable: true } | { tag: number } ? true : false;

/**
 * Builds fields of one type: `int32()`, `int32('3+')`, `int32({ default: -1 })`, `int32('3+', {
 * default: -1 })`.
 */
interface ScalarBuilder<Out, In = Out> {
  (): Field<Out, In, false>;
  (versions: Versions): Field<Out, In, true>;
  <const O extends FieldOptions>(options: O): Field<OrNull<Out, O>, OrNull<In, O>, IsOptional<O>>;
  <const O extends FieldOptions>(versions: Versions, options: O): Field<OrNull<Out, O>, OrNull<In, O>, true>;
}

const EMPTY_BYTES = Buffer.alloc(0);
const EMPTY_ARRAY: readonly never[] = Object.freeze([]);

function build(
  type: FieldType,
  ownDefault: unknown,
  first: Versions | FieldOptions | undefined,
  second: FieldOptions | undefined,
): Field {
  const versions = typeof first === 'string' ? parseVersions(first) : ALL_VERSIONS;
  const options = (typeof first === 'string' ? second : first) ?? {};
  const nullable = options.nullable ?? NO_VERSIONS;
  return {
    type,
    versions,
    nullable: nullable === true ? versions : typeof nullable === 'string' ? parseVersions(nullable) : nullable,
    tag: options.tag,
    ignorable: options.ignorable ?? false,
    flexible: options.flexible ?? true,
    clipped: options.clipped ?? false,
    defaultValue: 'default' in options ? options.default : ownDefault,
    $out: undefined,
    $in: undefined,
    // There is no value of type boolean here: the property exists for the compiler alone.
    $optional: undefined as unknown as boolean,
  };
}

function scalar<Out, In = Out>(name: ScalarName, ownDefault: Out): ScalarBuilder<Out, In> {
  const type: FieldType = { kind: 'scalar', name };
  const builder = (first?: Versions | FieldOptions, second?: FieldOptions) => build(type, ownDefault, first, second);
  return builder as ScalarBuilder<Out, In>;
}

export const bool = scalar<boolean>('bool', false);
export const int8 = scalar<number>('int8', 0);
export const int16 = scalar<number>('int16', 0);
export const uint16 = scalar<number>('uint16', 0);
export const int32 = scalar<number>('int32', 0);
export const uint32 = scalar<number>('uint32', 0);
/** Decoding saturates beyond ±(2^53 - 1); see Reader.int64. */
export const int64 = scalar<number>('int64', 0);
export const float64 = scalar<number>('float64', 0);
export const uuid = scalar<Uuid>('uuid', ZERO_UUID);
export const string = scalar<string>('string', '');
/** Decodes to a view into the frame. */
export const bytes = scalar<Buffer>('bytes', EMPTY_BYTES);
/** Record batches, not looked into: bytes that may be given in several pieces. */
export const records = scalar<Buffer, RecordsInput>('records', EMPTY_BYTES);

type ElementOut<E extends Field | Fields> = E extends Field<infer Out> ? Out : E extends Fields ? Decoded<E> : never;
type ElementIn<E extends Field | Fields> =
  E extends Field<unknown, infer In> ? In : E extends Fields ? Encodable<E> : never;

function isField(value: Field | Fields): value is Field {
  return '$out' in value;
}

/**
 * An array of structs (given by their fields) or of plain values (given by a builder without
 * arguments).
 */
export function array<E extends Field | Fields>(
  element: E,
): Field<readonly ElementOut<E>[], readonly ElementIn<E>[], false>;
export function array<E extends Field | Fields>(
  element: E,
  versions: Versions,
): Field<readonly ElementOut<E>[], readonly ElementIn<E>[], true>;
export function array<E extends Field | Fields, const O extends FieldOptions>(
  element: E,
  options: O,
): Field<OrNull<readonly ElementOut<E>[], O>, OrNull<readonly ElementIn<E>[], O>, IsOptional<O>>;
export function array<E extends Field | Fields, const O extends FieldOptions>(
  element: E,
  versions: Versions,
  options: O,
): Field<OrNull<readonly ElementOut<E>[], O>, OrNull<readonly ElementIn<E>[], O>, true>;
export function array(element: Field | Fields, first?: Versions | FieldOptions, second?: FieldOptions): Field {
  const type: FieldType = isField(element) ? element.type : { kind: 'struct', fields: element };
  return build({ kind: 'array', element: type }, EMPTY_ARRAY, first, second);
}

/** A struct within a struct. Its own default is the struct of its fields' defaults. */
export function struct<F extends Fields>(fields: F): Field<Decoded<F>, Encodable<F>, false>;
export function struct<F extends Fields>(fields: F, versions: Versions): Field<Decoded<F>, Encodable<F>, true>;
export function struct<F extends Fields, const O extends FieldOptions>(
  fields: F,
  options: O,
): Field<OrNull<Decoded<F>, O>, OrNull<Encodable<F>, O>, IsOptional<O>>;
export function struct<F extends Fields, const O extends FieldOptions>(
  fields: F,
  versions: Versions,
  options: O,
): Field<OrNull<Decoded<F>, O>, OrNull<Encodable<F>, O>, true>;
export function struct(fields: Fields, first?: Versions | FieldOptions, second?: FieldOptions): Field {
  return build({ kind: 'struct', fields }, defaultsOf(fields), first, second);
}

/** A struct with every field at its default. */
export function defaultsOf(fields: Fields): Readonly<Record<string, unknown>> {
  return Object.freeze(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.defaultValue])));
}

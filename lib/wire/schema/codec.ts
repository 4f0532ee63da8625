import { assert } from '../../core/assert.ts';
import { clipText } from '../../core/clip-text.ts';
import { EncodeError } from '../errors.ts';
import { STRING_BYTES_MAX } from '../limits.ts';
import type { Reader } from '../reader.ts';
import type { RecordsInput, Writer } from '../writer.ts';
import type { ScalarName } from './field.ts';

/** Work in parts; between two of them others may be served. */
export type Parts = Generator<undefined, void, undefined>;

/** Structs that are written without a pause: some 100 us of work. */
export const ELEMENTS_PER_PART = 64;

/**
 * What an array is encoded from: an array, or whatever gives its elements in order and knows how
 * many there are.
 */
interface Elements extends Iterable<unknown> {
  readonly length: number;
}

/** Reads and writes one type in one of its wire forms. */
export interface Codec {
  read(reader: Reader): unknown;
  write(writer: Writer, value: unknown): void;
  /**
   * The same in parts: long arrays of structs pause after every ELEMENTS_PER_PART of them. Left out
   * where nothing is long.
   */
  readonly writeParts?: ((writer: Writer, value: unknown) => Parts) | undefined;
  /** What a value takes at least, bytes; what array lengths are checked with. */
  readonly bytesMin: number;
}

const NUMERIC: Partial<Record<ScalarName, Codec>> = {
  bool: { bytesMin: 1, read: (r) => r.bool(), write: (w, v) => w.bool(v as boolean) },
  int8: { bytesMin: 1, read: (r) => r.int8(), write: (w, v) => w.int8(v as number) },
  int16: { bytesMin: 2, read: (r) => r.int16(), write: (w, v) => w.int16(v as number) },
  uint16: { bytesMin: 2, read: (r) => r.uint16(), write: (w, v) => w.uint16(v as number) },
  int32: { bytesMin: 4, read: (r) => r.int32(), write: (w, v) => w.int32(v as number) },
  uint32: { bytesMin: 4, read: (r) => r.uint32(), write: (w, v) => w.uint32(v as number) },
  int64: { bytesMin: 8, read: (r) => r.int64(), write: (w, v) => w.int64(v as number) },
  float64: { bytesMin: 8, read: (r) => r.float64(), write: (w, v) => w.float64(v as number) },
  uuid: { bytesMin: 16, read: (r) => r.uuid(), write: (w, v) => w.uuid(v as string) },
};

function stringCodec(compact: boolean, nullable: boolean): Codec {
  const bytesMin = compact ? 1 : 2;
  const write: Codec['write'] = compact
    ? (w, v) => w.compactNullableString(v as string | null)
    : (w, v) => w.nullableString(v as string | null);
  if (compact) return { bytesMin, read: nullable ? (r) => r.compactNullableString() : (r) => r.compactString(), write };
  return { bytesMin, read: nullable ? (r) => r.nullableString() : (r) => r.string(), write };
}

function bytesCodec(compact: boolean, nullable: boolean): Codec {
  const bytesMin = compact ? 1 : 4;
  const write: Codec['write'] = (w, v) => w.records(v as RecordsInput, compact);
  if (compact) return { bytesMin, read: nullable ? (r) => r.compactNullableBytes() : (r) => r.compactBytes(), write };
  return { bytesMin, read: nullable ? (r) => r.nullableBytes() : (r) => r.bytes(), write };
}

/** The codec of a string whose text is cut off where it is too long. */
export function clippedStringCodec(compact: boolean, nullable: boolean): Codec {
  const codec = scalarCodec('string', compact, nullable);
  return { ...codec, write: (w, v) => codec.write(w, typeof v === 'string' ? clipText(v, STRING_BYTES_MAX) : v) };
}

/** The codec of a scalar; `compact` is the form of flexible versions. */
export function scalarCodec(name: ScalarName, compact: boolean, nullable: boolean): Codec {
  const numeric = NUMERIC[name];
  if (numeric !== undefined) {
    assert(!nullable, `${name} cannot be null`);
    return numeric;
  }
  const codec = name === 'string' ? stringCodec(compact, nullable) : bytesCodec(compact, nullable);
  return nullable ? codec : refusingNull(codec);
}

export function arrayCodec(element: Codec, compact: boolean, nullable: boolean): Codec {
  // An element that takes no bytes would let a few bytes claim any number of elements.
  assert(element.bytesMin >= 1, 'array elements take at least one byte');
  const read = (reader: Reader): unknown => {
    const length = compact ? reader.compactArrayLength(element.bytesMin) : reader.arrayLength(element.bytesMin);
    if (length === null) {
      if (nullable) return null;
      throw reader.invalid('an array, not null');
    }
    const values: unknown[] = [];
    for (let i = 0; i < length; i++) values.push(element.read(reader));
    return values;
  };
  const write = (writer: Writer, value: unknown): void => {
    if (value === null) {
      writer.nullLength(compact);
      return;
    }
    const values = value as Elements;
    writer.lengthOf(values.length, compact);
    for (const each of values) element.write(writer, each);
  };
  const codec = { bytesMin: compact ? 1 : 4, read, write };
  return nullable ? codec : refusingNull(codec);
}

/** An array of structs, which can be written in parts. */
export function structArrayCodec(element: Codec, compact: boolean, nullable: boolean): Codec {
  const codec = arrayCodec(element, compact, nullable);
  return {
    ...codec,
    *writeParts(writer, value) {
      if (value === null) {
        codec.write(writer, value);
        return;
      }
      const values = value as Elements;
      writer.lengthOf(values.length, compact);
      let written = 0;
      for (const each of values) {
        if (element.writeParts === undefined) element.write(writer, each);
        else yield* element.writeParts(writer, each);
        if (++written % ELEMENTS_PER_PART === 0) yield;
      }
    },
  };
}

const STRUCT_ABSENT = -1;
const STRUCT_PRESENT = 1;

/**
 * A struct behind one byte that says whether it is there (KIP-893); any negative one says no, as in
 * Kafka.
 */
export function nullableStructCodec(struct: Codec): Codec {
  return {
    bytesMin: 1,
    read(reader) {
      return reader.int8() < 0 ? null : struct.read(reader);
    },
    write(writer, value) {
      writer.int8(value === null ? STRUCT_ABSENT : STRUCT_PRESENT);
      if (value !== null) struct.write(writer, value);
    },
  };
}

function refusingNull(codec: Codec): Codec {
  return {
    bytesMin: codec.bytesMin,
    read: codec.read,
    write(writer, value) {
      if (value === null) throw new EncodeError('null where this version has no null');
      codec.write(writer, value);
    },
  };
}

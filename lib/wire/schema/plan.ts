import { assert } from '../../core/assert.ts';
import { DecodeError, EncodeError } from '../errors.ts';
import type { Reader } from '../reader.ts';
import { Writer } from '../writer.ts';
import {
  arrayCodec,
  type Codec,
  clippedStringCodec,
  nullableStructCodec,
  type Parts,
  scalarCodec,
  structArrayCodec,
} from './codec.ts';
import type { Field, Fields, FieldType } from './field.ts';
import { includesVersion, type VersionRange } from './versions.ts';

type Struct = Readonly<Record<string, unknown>>;

/**
 * How one version of a struct is read and written; what depends on the version was settled when it
 * was compiled.
 */
export interface StructPlan extends Codec {
  read(reader: Reader): Struct;
  write(writer: Writer, value: Struct): void;
  writeParts(writer: Writer, value: unknown): Parts;
}

/** The same for a struct inside of a message; `writeParts` only where it has arrays of structs. */
interface StructCodec extends Codec {
  read(reader: Reader): Record<string, unknown>;
  write(writer: Writer, value: Struct): void;
  readonly writeParts: Codec['writeParts'];
}

/** A field as one version has it; `codec` is undefined where the version lacks it. */
interface Step {
  readonly name: string;
  readonly defaultValue: unknown;
  readonly ignorable: boolean;
  readonly codec: Codec | undefined;
  readonly isDefault: (value: unknown) => boolean;
}

interface TaggedStep extends Step {
  readonly codec: Codec;
  readonly tag: number;
}

/** Compiles one version of a message; throws AssertionError for one it does not have. */
export function compilePlan(
  name: string,
  fields: Fields,
  version: number,
  versions: VersionRange,
  flexible: VersionRange,
): StructPlan {
  assert(Number.isInteger(version) && includesVersion(versions, version), `${name} has no version ${version}`);
  const plan = compileStruct(fields, version, includesVersion(flexible, version));
  const label = `${name} v${version}`;
  return {
    bytesMin: plan.bytesMin,
    read(reader) {
      try {
        return plan.read(reader);
      } catch (error) {
        throw located(error, label);
      }
    },
    write(writer, value) {
      try {
        plan.write(writer, value);
      } catch (error) {
        throw located(error, label);
      }
    },
    *writeParts(writer, value) {
      try {
        if (plan.writeParts === undefined) plan.write(writer, value as Struct);
        else yield* plan.writeParts(writer, value);
      } catch (error) {
        throw located(error, label);
      }
    },
  };
}

function located(error: unknown, name: string): unknown {
  return error instanceof DecodeError || error instanceof EncodeError ? error.within(name) : error;
}

function compileStruct(fields: Fields, version: number, flexible: boolean): StructCodec {
  const steps: Step[] = [];
  const tagged: TaggedStep[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const present = includesVersion(field.versions, version);
    assert(!present || field.tag === undefined || flexible, `${name} is tagged in a version without tags`);
    const codec = present ? fieldCodec(field, version, flexible) : undefined;
    const { defaultValue, ignorable } = field;
    const step: Step = { name, defaultValue, ignorable, codec, isDefault: defaultTest(field) };
    if (codec !== undefined && field.tag !== undefined) {
      tagged.push({ ...step, codec, tag: field.tag });
      // Its place in the decoded object is its place in the schema, so that all versions give
      // objects of one shape.
      steps.push({ ...step, codec: undefined, isDefault: () => true });
    } else {
      steps.push(step);
    }
  }
  tagged.sort((a, b) => a.tag - b.tag);
  const fixedBytes = steps.reduce((sum, step) => sum + (step.codec?.bytesMin ?? 0), 0);
  return {
    bytesMin: fixedBytes + (flexible ? 1 : 0),
    read: flexible ? flexibleReader(steps, tagged) : (reader) => readSteps(steps, reader),
    write(writer, value) {
      writeSteps(steps, writer, value);
      if (flexible) writeTagged(tagged, writer, value);
    },
    writeParts: steps.some(({ codec }) => codec?.writeParts !== undefined)
      ? function* (writer, value) {
          yield* writeStepsInParts(steps, writer, value as Struct);
          if (flexible) writeTagged(tagged, writer, value as Struct);
        }
      : undefined,
  };
}

function fieldCodec(field: Field, version: number, flexible: boolean): Codec {
  const nullable = includesVersion(field.nullable, version);
  if (field.clipped) return clippedStringCodec(flexible && field.flexible, nullable);
  return typeCodec(field.type, version, flexible, nullable, flexible && field.flexible);
}

function typeCodec(type: FieldType, version: number, flexible: boolean, nullable: boolean, compact = flexible): Codec {
  switch (type.kind) {
    case 'scalar':
      return scalarCodec(type.name, compact, nullable);
    case 'array':
      return type.element.kind === 'struct'
        ? structArrayCodec(compileStruct(type.element.fields, version, flexible) as Codec, compact, nullable)
        : arrayCodec(typeCodec(type.element, version, flexible, false), compact, nullable);
    case 'struct': {
      const plan = compileStruct(type.fields, version, flexible) as Codec;
      return nullable ? nullableStructCodec(plan) : plan;
    }
  }
}

function readSteps(steps: readonly Step[], reader: Reader): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  let at = 0;
  try {
    for (; at < steps.length; at++) {
      const step = steps[at]!;
      value[step.name] = step.codec === undefined ? step.defaultValue : step.codec.read(reader);
    }
  } catch (error) {
    throw located(error, steps[at]!.name);
  }
  return value;
}

function flexibleReader(steps: readonly Step[], tagged: readonly TaggedStep[]): StructPlan['read'] {
  const byTag = new Map(tagged.map((step) => [step.tag, step]));
  return (reader) => {
    const value = readSteps(steps, reader);
    const count = reader.uvarint();
    let previous = -1;
    for (let i = 0; i < count; i++) {
      const tag = reader.uvarint();
      if (tag <= previous) throw reader.invalid(`a tag above ${previous}, not ${tag}`);
      previous = tag;
      const content = reader.window(reader.uvarint());
      const step = byTag.get(tag);
      // Tags from later versions are skipped, as KIP-482 asks.
      if (step !== undefined) value[step.name] = readTagged(step, content);
    }
    return value;
  };
}

/** Reads the content of a tagged field, all of it. */
function readTagged(step: TaggedStep, content: Reader): unknown {
  try {
    const value = step.codec.read(content);
    content.end();
    return value;
  } catch (error) {
    throw located(error, step.name);
  }
}

function writeSteps(steps: readonly Step[], writer: Writer, value: Struct): void {
  let at = 0;
  try {
    for (; at < steps.length; at++) {
      const step = steps[at]!;
      writeStep(step, writer, value[step.name]);
    }
  } catch (error) {
    throw located(error, steps[at]!.name);
  }
}

function* writeStepsInParts(steps: readonly Step[], writer: Writer, value: Struct): Parts {
  let at = 0;
  try {
    for (; at < steps.length; at++) {
      const step = steps[at]!;
      const given = value[step.name];
      if (step.codec?.writeParts === undefined) writeStep(step, writer, given);
      else yield* step.codec.writeParts(writer, given === undefined ? step.defaultValue : given);
    }
  } catch (error) {
    throw located(error, steps[at]!.name);
  }
}

function writeStep(step: Step, writer: Writer, given: unknown): void {
  if (step.codec !== undefined) {
    step.codec.write(writer, given === undefined ? step.defaultValue : given);
  } else if (!step.ignorable && !step.isDefault(given)) {
    throw new EncodeError('a value, in a version without the field');
  }
}

/** Tagged fields come in the order of their tags, and only if they say something. */
function writeTagged(tagged: readonly TaggedStep[], writer: Writer, value: Struct): void {
  const given = tagged.filter((step) => !step.isDefault(value[step.name]));
  writer.uvarint(given.length);
  for (const step of given) {
    const content = new Writer();
    try {
      step.codec.write(content, value[step.name]);
    } catch (error) {
      throw located(error, step.name);
    }
    writer.uvarint(step.tag);
    writer.uvarint(content.length);
    for (const chunk of content.finish()) writer.raw(chunk);
  }
}

/**
 * Whether a value says no more than the field's default does, as Kafka decides it for what it may
 * leave out.
 */
function defaultTest(field: Field): (value: unknown) => boolean {
  const { type, defaultValue } = field;
  const orLeftOut = (test: (value: unknown) => boolean) => (value: unknown) => value === undefined || test(value);
  if (defaultValue === null) return orLeftOut((value) => value === null);
  if (type.kind === 'struct') {
    const tests = Object.entries(type.fields).map(([name, inner]) => [name, defaultTest(inner)] as const);
    return orLeftOut((value) => value !== null && tests.every(([name, test]) => test((value as Struct)[name])));
  }
  if (type.kind === 'array' || Buffer.isBuffer(defaultValue)) {
    return orLeftOut((value) => value !== null && (value as { length: number }).length === 0);
  }
  return orLeftOut((value) => value === defaultValue);
}

import { describe, expect, expectTypeOf, it } from 'vitest';
import { AssertionError } from '../../../lib/core/assert.ts';
import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import { DecodeError, EncodeError } from '../../../lib/wire/errors.ts';
import { array, bytes, int8, int16, int32, records, string, struct, uuid } from '../../../lib/wire/schema/field.ts';
import { hasVersion, type Infer, type InferInput, message } from '../../../lib/wire/schema/message.ts';
import { decodeMessage, encodeMessage } from '../../support/messages.ts';

const Sample = message('Sample', '1-4', '3+', {
  id: int32(),
  name: string('2+', { nullable: '3+' }),
  note: string('2+', { nullable: true, default: null, ignorable: true }),
  legacy: int16('1-2', { default: -1 }),
  parts: array({ key: int8(), value: string('3+') }),
  tail: struct({ epoch: int32({ default: -1 }) }, '3+', { tag: 1 }),
  extra: array(int32(), '4+', { tag: 0 }),
  cursor: struct({ at: int32() }, '4+', { nullable: true, default: null }),
});

const hex = (version: number, value: InferInput<typeof Sample>): string =>
  encodeMessage(Sample, version, value).toString('hex');
const decode = (version: number, text: string): Infer<typeof Sample> =>
  decodeMessage(Sample, version, Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('message', () => {
  it('writes each version as its fields say', () => {
    const parts = [{ key: 1 }];
    expect(hex(1, { id: 7, parts, legacy: 3 })).toBe('00000007' + '0003' + '00000001' + '01');
    expect(hex(2, { id: 7, parts, name: 'n' })).toBe('00000007' + '00016e' + 'ffff' + 'ffff' + '00000001' + '01');
    expect(hex(3, { id: 7, parts, name: null })).toBe('00000007' + '00' + '00' + '02' + '01' + '01' + '00' + '00');
    const all = { id: 7, name: 'n', parts: [], tail: { epoch: 5 }, extra: [9], cursor: { at: 2 } };
    expect(hex(4, all)).toBe(
      '00000007' +
        '026e' +
        '00' +
        '01' +
        '01' +
        '00000002' +
        '00' +
        '02' +
        '00' +
        '05' +
        '0200000009' +
        '01' +
        '05' +
        '0000000500',
    );
  });

  it('gives fields that a version lacks their defaults', () => {
    expect(decode(1, '00000007 0003 00000001 01')).toEqual({
      id: 7,
      name: '',
      note: null,
      legacy: 3,
      parts: [{ key: 1, value: '' }],
      tail: { epoch: -1 },
      extra: [],
      cursor: null,
    });
  });

  it('drops what a version lacks if it is ignorable or says nothing, and refuses it otherwise', () => {
    const base = { id: 7, parts: [] };
    expect(hex(1, { ...base, note: 'x' })).toBe(hex(1, base));
    expect(hex(3, { ...base, legacy: -1, cursor: null, extra: [] })).toBe(hex(3, base));
    expect(hex(1, { ...base, tail: { epoch: -1 } })).toBe(hex(1, base));
    expect(() => hex(1, { ...base, name: 'x' })).toThrow('Sample v1.name: a value, in a version without the field');
    expect(() => hex(3, { ...base, legacy: 0 })).toThrow(EncodeError);
    expect(() => hex(1, { ...base, tail: { epoch: 4 } })).toThrow(EncodeError);
    expect(() => hex(3, { ...base, extra: [1] })).toThrow(EncodeError);
    expect(() => hex(3, { ...base, cursor: { at: 0 } })).toThrow(EncodeError);
    expect(() => hex(1, { id: 7, parts: [{ key: 1, value: 'x' }] })).toThrow('Sample v1.parts.value');
  });

  it('refuses null where the version has none', () => {
    expect(() => hex(2, { id: 7, parts: [], name: null })).toThrow(
      'Sample v2.name: null where this version has no null',
    );
    expect(() => hex(3, { id: 7, parts: null as never })).toThrow(EncodeError);
    expect(() => decode(3, '00000007 01 00 00 00')).toThrow('Sample v3.parts: expected an array, not null');
  });

  it('names the field that was cut off', () => {
    expect(() => decode(1, '00000007 0003 00000001')).toThrow('Sample v1.parts');
    expect(() => decode(3, '00000007 00 00 02 01')).toThrow('Sample v3.parts');
  });

  it('skips tags it does not know and refuses sections that are out of order or wrongly sized', () => {
    const head = '00000007 00 00 01';
    const known = { id: 7, tail: { epoch: 5 } };
    expect(decode(3, `${head} 02 01 05 00000005 00 63 02 abcd`)).toMatchObject(known);
    expect(() => decode(3, `${head} 02 63 00 01 05 00000005 00`)).toThrow('a tag above 99, not 1');
    expect(() => decode(3, `${head} 02 01 05 00000005 00 01 05 00000005 00`)).toThrow(DecodeError);
    expect(() => decode(3, `${head} 01 01 06 00000005 00 00`)).toThrow('Sample v3.tail');
    expect(() => decode(3, `${head} 01 01 04 00000005`)).toThrow(DecodeError);
    expect(() => decode(3, `${head} 01 63 7f`)).toThrow(DecodeError);
  });

  it('takes any negative struct marker for null, and any other one for a struct, as Kafka does', () => {
    for (const marker of ['ff', 'fe', '80']) expect(decode(4, `00000007 00 00 01 ${marker} 00`).cursor).toBeNull();
    for (const marker of ['01', '00', '7f']) {
      expect(decode(4, `00000007 00 00 01 ${marker} 00000003 00 00`).cursor).toEqual({ at: 3 });
    }
  });

  it('has only the versions it was given', () => {
    expect([0, 1, 4, 5, -1, 1.5].map((version) => hasVersion(Sample, version))).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(() => Sample.plan(5)).toThrow(AssertionError);
    expect(() => Sample.plan(0)).toThrow(AssertionError);
  });

  it('refuses schemas whose array elements could take no bytes: they would make small frames large', () => {
    const Bad = message('Bad', '0-1', 'none', { list: array({ late: int8('1+') }) });
    expect(() => Bad.plan(0)).toThrow('at least one byte');
    expect(() => Bad.plan(1)).not.toThrow();
  });

  it('keeps the old form of a string that is marked so', () => {
    const Header = message('Header', '0', '0+', { client: string({ flexible: false }) });
    expect(encodeMessage(Header, 0, { client: 'a' }).toString('hex')).toBe('00016100');
  });

  it('gives empty bytes, no elements and the zero uuid as defaults of their own', () => {
    const Late = message('Late', '0-1', 'none', { a: int8(), b: bytes('1+'), c: uuid('1+'), d: array(int8(), '1+') });
    expect(decodeMessage(Late, 0, Buffer.from([1]))).toEqual({ a: 1, b: Buffer.alloc(0), c: ZERO_UUID, d: [] });
  });

  it('infers what goes in and what comes out', () => {
    expectTypeOf<Infer<typeof Sample>['name']>().toEqualTypeOf<string | null>();
    expectTypeOf<Infer<typeof Sample>['legacy']>().toEqualTypeOf<number>();
    expectTypeOf<Infer<typeof Sample>['parts']>().toEqualTypeOf<
      readonly { readonly key: number; readonly value: string }[]
    >();
    expectTypeOf<InferInput<typeof Sample>['name']>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<InferInput<typeof Sample>['id']>().toEqualTypeOf<number>();
    const Batch = message('Batch', '0', 'none', { records: records({ nullable: true }) });
    expectTypeOf<Infer<typeof Batch>['records']>().toEqualTypeOf<Buffer | null>();
    expectTypeOf<InferInput<typeof Batch>['records']>().toEqualTypeOf<Buffer | readonly Buffer[] | null>();
    // @ts-expect-error a field without a default of its own has to be given
    expectTypeOf<{ parts: [] }>().toExtend<InferInput<typeof Sample>>();
  });
});

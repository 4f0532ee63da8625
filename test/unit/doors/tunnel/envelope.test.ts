import { describe, expect, it } from 'vitest';
import { decodeAnswerEnvelope } from '../../../../lib/doors/tunnel/answer-envelope.ts';
import {
  decodeRequestEnvelope,
  type EnvelopeAnswer,
  encodeAnswerEnvelope,
  encodeRequestEnvelope,
} from '../../../../lib/doors/tunnel/envelope.ts';

/** Gateways and functions of different versions speak it: a change of these bytes needs a new format. */
describe('the bytes of an envelope are what they have always been', () => {
  it('to a function', () => {
    const envelope = {
      listener: 'L',
      advertised: { host: 'h', port: 9092 },
      frames: [
        { frame: Buffer.from('ab'), host: '127.0.0.1', token: 't' },
        { frame: Buffer.from('c'), host: '::1', token: undefined },
      ],
    };
    const json =
      '{"listener":"L","advertised":{"host":"h","port":9092},"frames":[{"host":"127.0.0.1","token":"t"},{"host":"::1"}]}';
    const bytes = `\x01\x00\x00\x00${String.fromCharCode(json.length)}${json}\x00\x00\x00\x02ab\x00\x00\x00\x01c`;
    expect(encodeRequestEnvelope(envelope).toString('latin1')).toBe(bytes);
    expect(decodeRequestEnvelope(Buffer.from(bytes, 'latin1'))).toEqual({ ...envelope, answers: 1 });
  });

  it('to a function, with principals', () => {
    const envelope = {
      listener: 'L',
      advertised: { host: 'h', port: 9092 },
      frames: [
        { frame: Buffer.from('ab'), host: '127.0.0.1', token: 't', principal: 'User:ada' as const },
        { frame: Buffer.from('c'), host: '::1', token: undefined, principal: undefined },
      ],
    };
    const json =
      '{"listener":"L","advertised":{"host":"h","port":9092},"frames":[{"host":"127.0.0.1","token":"t","principal":"User:ada"},{"host":"::1"}]}';
    const bytes = `\x02\x00\x00\x00${String.fromCharCode(json.length)}${json}\x00\x00\x00\x02ab\x00\x00\x00\x01c`;
    expect(encodeRequestEnvelope(envelope).toString('latin1')).toBe(bytes);
    expect(decodeRequestEnvelope(Buffer.from(bytes, 'latin1'))).toEqual({ ...envelope, answers: 1 });
  });

  it('from a function', () => {
    const answers: EnvelopeAnswer[] = [
      { kind: 'answer', chunks: [Buffer.from('ab')] },
      { kind: 'none' },
      { kind: 'close', reason: 'why' },
      { kind: 'again', token: 't' },
    ];
    const hex = ['01', '00000000026162', '0100000000', '0200000003776879', '030000000174'].join('');
    expect(encodeAnswerEnvelope(answers).toString('hex')).toBe(hex);
    expect(decodeAnswerEnvelope(Buffer.from(hex, 'hex'), 4)).toEqual(answers);
  });
});

describe('a request envelope', () => {
  const bytesOf = (format: number, frame: object) => {
    const json = Buffer.from(JSON.stringify({ listener: 'L', advertised: { host: 'h', port: 1 }, frames: [frame] }));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(json.length);
    return Buffer.concat([Buffer.of(format), size, json, Buffer.alloc(4)]);
  };

  it('of format 1 names no principal, whatever its head says', () => {
    const { frames } = decodeRequestEnvelope(bytesOf(1, { host: 'h', principal: 'User:root' }));
    expect(frames).toEqual([{ frame: Buffer.alloc(0), host: 'h', token: undefined }]);
    expect(frames[0]).not.toHaveProperty('principal');
  });

  it.each([0, 3])('of format %i is refused', (format) => {
    const read = () => decodeRequestEnvelope(bytesOf(format, { host: 'h' }));
    expect(read).toThrow(`envelope format ${format} is unknown to this program`);
  });

  it.each([['ada'], ['User:'], [7], [`User:${'a'.repeat(1_024)}`]])('with the principal %s is refused', (principal) => {
    expect(() => decodeRequestEnvelope(bytesOf(2, { host: 'h', principal }))).toThrow('"User:" and a name');
  });
});

it('an answer of a format that no function sends is refused', () => {
  expect(() => decodeAnswerEnvelope(Buffer.of(3), 0)).toThrow('envelope format 3 is unknown to this program');
});

describe('what is told beside answers', () => {
  const answers: EnvelopeAnswer[] = [
    { kind: 'answer', chunks: [Buffer.from('ab')], advice: { sessionMs: 45_000, about: ['g'] } },
    {
      kind: 'again',
      token: 't',
      chunks: [Buffer.from('c')],
      advice: { afterMs: 7, tails: [{ journal: 'j', seq: 1 }] },
    },
    { kind: 'none' },
  ];

  it('comes in format 2, which the request asks for', () => {
    const asking = { listener: 'L', advertised: { host: 'h', port: 1 }, frames: [], answers: 2 as const };
    expect(decodeRequestEnvelope(encodeRequestEnvelope(asking)).answers).toBe(2);
    expect(decodeAnswerEnvelope(encodeAnswerEnvelope(answers, 2), 3)).toEqual(answers);
  });

  it('is left out for a gateway that does not ask for it', () => {
    const { answers: _, ...old } = {
      listener: 'L',
      advertised: { host: 'h', port: 1 },
      frames: [],
      answers: 2 as const,
    };
    expect(decodeRequestEnvelope(encodeRequestEnvelope(old)).answers).toBe(1);
    expect(decodeAnswerEnvelope(encodeAnswerEnvelope(answers), 3)).toEqual([
      { kind: 'answer', chunks: [Buffer.from('ab')] },
      { kind: 'again', token: 't' },
      { kind: 'none' },
    ]);
  });

  it('has to be JSON of the known form', () => {
    const told = Buffer.from('{"afterMs":"soon"}');
    const body = Buffer.concat([Buffer.of(2, 3, 0, 0, 0, told.length), told, Buffer.alloc(4)]);
    expect(() => decodeAnswerEnvelope(body, 1)).toThrow('cannot be read');
  });
});

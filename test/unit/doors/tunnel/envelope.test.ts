import { describe, expect, it } from 'vitest';
import {
  decodeAnswerEnvelope,
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
    expect(decodeRequestEnvelope(Buffer.from(bytes, 'latin1'))).toEqual(envelope);
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

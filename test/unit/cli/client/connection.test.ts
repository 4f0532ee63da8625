import { describe, expect, it } from 'vitest';
import { AnswerSplitter } from '../../../../lib/cli/client/answer-splitter.ts';
import { ScramLogin } from '../../../../lib/cli/client/scram.ts';

describe('answers', () => {
  const framed = (text: string) => {
    const frame = Buffer.alloc(4 + text.length);
    frame.writeInt32BE(text.length);
    frame.write(text, 4, 'latin1');
    return frame;
  };

  it.each([1, 2, 3, 5, 7, 100])('are cut out of pieces of %i bytes', (size) => {
    const bytes = Buffer.concat(['first', 'four', 'a longer one'].map(framed));
    const splitter = new AnswerSplitter();
    const found: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      found.push(...splitter.push(bytes.subarray(at, at + size))!.map(String));
    }
    expect(found).toEqual(['first', 'four', 'a longer one']);
  });

  it('cannot have some sizes', () => {
    for (const size of [-1, 0, 3]) {
      const bytes = Buffer.alloc(8);
      bytes.writeInt32BE(size);
      expect(new AnswerSplitter().push(bytes)).toBeUndefined();
    }
  });
});

describe('a SCRAM login', () => {
  // The example of RFC 7677, section 3.
  const NONCE = 'rOprNGfwEbeRWgbNEkqO';
  const SERVER_FIRST = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
  const login = (username = 'user') => new ScramLogin('SCRAM-SHA-256', username, 'pencil', NONCE);

  it('says what the RFC says, and believes the right server only', () => {
    const user = login();
    expect(user.first()).toBe(`n,,n=user,r=${NONCE}`);
    expect(user.final(SERVER_FIRST)).toEqual({
      kind: 'message',
      message: `c=biws,r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
    });
    expect(user.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).toBe(true);
    expect(user.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjk95G4=')).toBe(false);
    expect(user.verify('e=other-error')).toBe(false);
  });

  it('escapes names', () => {
    expect(login('a=b,c').first()).toBe(`n,,n=a=3Db=2Cc,r=${NONCE}`);
  });

  it.each([
    ['a nonce of its own', SERVER_FIRST.replace('r=r', 'r=R')],
    ['only the nonce that it was sent', SERVER_FIRST.replace(/%[^,]*/, '')],
    ['too few iterations', SERVER_FIRST.replace('4096', '4095')],
    ['too many iterations', SERVER_FIRST.replace('4096', '10000001')],
    ['something else', 'e=unknown-user'],
  ])('refuses a server with %s', (_, message) => {
    expect(login().final(message).kind).toBe('failed');
  });
});

import { describe, expect, it } from 'vitest';
import {
  ANONYMOUS,
  isPrincipal,
  principalOfConnection,
  principalOfFrame,
  principalOfIam,
  principalOfInvoke,
  vouchedFor,
} from '../../../lib/auth/principal.ts';

it('a TCP connection is anonymous', () => {
  expect(principalOfConnection()).toBe('User:ANONYMOUS');
});

describe('the principal of an IAM identity', () => {
  it.each([
    [{ arn: 'arn:aws:iam::1:user/ada', id: 'AIDA1' }, 'User:arn:aws:iam::1:user/ada'],
    [{ arn: 'arn:aws:sts::1:assumed-role/Orders/s@x', id: 'AROA1:s@x' }, 'User:arn:aws:sts::1:assumed-role/Orders'],
    [{ arn: '', id: 'AROA1:session' }, 'User:AROA1'],
    [{ arn: null, id: '' }, undefined],
    [{ arn: 7, id: undefined }, undefined],
  ])('%j is %s', (identity, principal) => {
    expect(principalOfIam(identity)).toBe(principal);
  });
});

it('a direct invoke may name a principal', () => {
  expect(principalOfInvoke(undefined)).toBe('User:lambda');
  expect(principalOfInvoke('User:ada')).toBe('User:ada');
  for (const wrong of ['ada', 'User:', null, 7, `User:${'a'.repeat(1_024)}`]) {
    expect(principalOfInvoke(wrong)).toBeUndefined();
    expect(isPrincipal(wrong)).toBe(false);
  }
});

describe('a gateway in front of a function', () => {
  it('vouches for clients that have said who they are', () => {
    expect(vouchedFor('User:ada')).toBe('User:ada');
    expect(principalOfFrame('User:gateway', vouchedFor('User:ada'))).toBe('User:ada');
  });

  it('is the principal itself where it knows no client', () => {
    expect(vouchedFor(ANONYMOUS)).toBeUndefined();
    expect(principalOfFrame('User:gateway', undefined)).toBe('User:gateway');
  });
});

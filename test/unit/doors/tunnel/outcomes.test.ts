import { describe, expect, it } from 'vitest';
import { ENVELOPE_CONTENT_TYPE } from '../../../../lib/doors/tunnel/envelope.ts';
import { type HttpAnswer, outcomeOfAnswer, outcomeOfError } from '../../../../lib/doors/tunnel/http-outcome.ts';
import { outcomeOfException, outcomeOfInvoke } from '../../../../lib/doors/tunnel/lambda-transport.ts';

const answer = (status: number, text = '', more: Partial<HttpAnswer> = {}): HttpAnswer => ({
  status,
  contentType: 'application/json',
  serverTime: Number.NaN,
  errorType: '',
  body: Buffer.from(text),
  ...more,
});
const shown = (outcome: ReturnType<typeof outcomeOfAnswer>) =>
  outcome.kind === 'refused' ? outcome.reason : outcome.kind;

describe('an HTTP answer', () => {
  it.each([
    [400, 'rejected'],
    [401, 'forbidden'],
    [403, 'forbidden'],
    [404, 'missing'],
    [301, 'missing'],
    [413, 'tooLarge'],
    [421, 'missing'],
    [429, 'throttled'],
    // The function may have run: a client of API Gateway cannot tell.
    [408, 'unknown'],
    [500, 'unknown'],
    [502, 'unknown'],
    [503, 'unknown'],
    [504, 'unknown'],
  ])('with status %i means %s', (status, meaning) => {
    expect(shown(outcomeOfAnswer(answer(status)))).toBe(meaning);
  });

  it('is an answer only as an envelope', () => {
    expect(outcomeOfAnswer(answer(200, 'x', { contentType: ENVELOPE_CONTENT_TYPE }))).toEqual({
      kind: 'answered',
      body: Buffer.from('x'),
    });
    expect(outcomeOfAnswer(answer(200, '<html>', { contentType: 'text/html' }))).toMatchObject({ reason: 'missing' });
  });

  it.each([
    ['{"message":"Forbidden"}', '403: Forbidden'],
    ['{"Message":"not authorized"}', '403: not authorized'],
    ['{"error":{"status":403,"message":"no identity"}}', '403: no identity'],
    ['plain\n words', '403: plain words'],
    ['', '403'],
  ])('tells the words of %j', (text, words) => {
    expect(outcomeOfAnswer(answer(403, text))).toMatchObject({ message: words });
  });

  it('names the error as AWS does, and cuts off what is long', () => {
    const { message } = outcomeOfAnswer(answer(403, 'x'.repeat(5_000), { errorType: 'AccessDenied:http://a' })) as {
      message: string;
    };
    expect(message).toBe(`403 AccessDenied: ${'x'.repeat(300)}`);
  });
});

describe('a failed HTTP request', () => {
  const error = (code: string, connected: boolean) => Object.assign(new Error('failed'), { code, connected });
  it('did nothing where there was no connection, else nobody knows', () => {
    expect(outcomeOfError(error('ECONNREFUSED', false))).toMatchObject({
      reason: 'unreachable',
      message: 'failed (ECONNREFUSED)',
    });
    expect(outcomeOfError(error('CERT_HAS_EXPIRED', false))).toMatchObject({ reason: 'unreachable' });
    expect(outcomeOfError(error('ECONNRESET', true))).toMatchObject({ kind: 'unknown' });
    expect(outcomeOfError(new Error('something else'))).toMatchObject({ kind: 'unknown' });
  });

  it('for want of credentials says so', () => {
    const missing = Object.assign(new Error('none'), { name: 'CredentialsProviderError' });
    expect(outcomeOfError(missing)).toEqual({ kind: 'refused', reason: 'credentials', message: 'none' });
  });
});

describe('an answer of Invoke', () => {
  const payload = (value: unknown) => ({ Payload: Buffer.from(JSON.stringify(value)) as never });
  it('carries the envelope in base64', () => {
    expect(outcomeOfInvoke(payload({ body: 'aGk=' }))).toEqual({ kind: 'answered', body: Buffer.from('hi') });
  });

  it.each([
    [400, 'rejected'],
    [403, 'forbidden'],
    [413, 'tooLarge'],
    [421, 'missing'],
    [500, 'unknown'],
    [503, 'unknown'],
  ])('with an error of status %i means %s', (status, meaning) => {
    expect(shown(outcomeOfInvoke(payload({ error: { status, message: 'why' } })))).toBe(meaning);
  });

  it('of a function that failed, timed out or is not ours', () => {
    const failed = { ...payload({ errorMessage: 'Task timed out' }), FunctionError: 'Unhandled' };
    expect(outcomeOfInvoke(failed)).toEqual({ kind: 'unknown', message: 'the function failed: Task timed out' });
    expect(outcomeOfInvoke(payload({ statusCode: 200 }))).toMatchObject({ reason: 'missing' });
    expect(outcomeOfInvoke(payload(null))).toMatchObject({ reason: 'missing' });
    expect(outcomeOfInvoke({})).toMatchObject({ kind: 'unknown' });
  });
});

describe('an exception of Invoke', () => {
  it.each([
    ['AccessDeniedException', 'forbidden'],
    ['ExpiredTokenException', 'forbidden'],
    ['ResourceNotFoundException', 'missing'],
    ['TooManyRequestsException', 'throttled'],
    ['RequestTooLargeException', 'tooLarge'],
    ['CredentialsProviderError', 'credentials'],
    ['ServiceException', 'unknown'],
    ['TimeoutError', 'unknown'],
    ['EC2ThrottledException', 'unknown'],
  ])('%s means %s', (name, meaning) => {
    expect(shown(outcomeOfException(Object.assign(new Error('why'), { name })))).toBe(meaning);
  });

  it('without a connection did nothing', () => {
    const error = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' });
    expect(shown(outcomeOfException(error))).toBe('unreachable');
  });
});

import { describe, expect, it } from 'vitest';
import { allowAll } from '../../../../lib/auth/authorize.ts';
import { systemClock } from '../../../../lib/core/clock.ts';
import { silentLogger } from '../../../../lib/core/logger.ts';
import type { HttpAnswer } from '../../../../lib/doors/lambda/answers.ts';
import { readEvent } from '../../../../lib/doors/lambda/events.ts';
import { frameFunction } from '../../../../lib/doors/lambda/handler.ts';
import { principalOf } from '../../../../lib/doors/lambda/identity.ts';
import { ENVELOPE_CONTENT_TYPE, FRAME_CONTENT_TYPE } from '../../../../lib/doors/tunnel/envelope.ts';
import { StoreUnavailableError } from '../../../../lib/storage/ports.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { frameOf } from '../../../support/function-calls.ts';

const RULES = { name: 'produce', anonymous: false } as const;
const BODY = Buffer.from('frames').toString('base64');
const ROLE_ARN = 'arn:aws:sts::123456789012:assumed-role/Orders/session-4711';
const ROLE = 'User:arn:aws:sts::123456789012:assumed-role/Orders';
const IAM = { accessKey: 'ASIA', accountId: '123456789012', callerId: 'AROA:session-4711', userArn: ROLE_ARN };

/** API Gateway's payload 2.0, which function URLs have too. */
function v2(changes: object = {}, path = '/kafka/produce', method = 'POST') {
  return {
    version: '2.0',
    rawPath: path,
    headers: { 'content-type': ENVELOPE_CONTENT_TYPE },
    requestContext: { http: { method, path }, authorizer: { iam: IAM } },
    body: BODY,
    isBase64Encoded: true,
    ...changes,
  };
}

/** API Gateway's payload 1.0, which REST APIs have too, there without `version`. */
function v1(changes: object = {}, path = '/kafka/produce', method = 'POST') {
  return {
    httpMethod: method,
    path,
    headers: { 'Content-Type': `${FRAME_CONTENT_TYPE}; charset=binary` },
    multiValueHeaders: { 'Content-Type': [FRAME_CONTENT_TYPE] },
    requestContext: { identity: { userArn: 'arn:aws:iam::123456789012:user/ada', caller: 'AIDA' } },
    body: BODY,
    isBase64Encoded: true,
    ...changes,
  };
}

const statusOf = (event: unknown, rules: Parameters<typeof readEvent>[1] = RULES) => {
  const { channel, call } = readEvent(event, rules);
  return [channel, call.kind === 'refused' ? call.status : call.kind];
};

describe('an HTTP event', () => {
  it('of payload 2.0 is read', () => {
    expect(readEvent(v2(), RULES)).toEqual({
      channel: 'http',
      call: { kind: 'frames', body: Buffer.from('frames'), principal: ROLE },
    });
  });

  it('of payload 1.0 is read, whatever the case of its headers', () => {
    expect(readEvent(v1(), RULES).call).toMatchObject({
      kind: 'frame',
      principal: 'User:arn:aws:iam::123456789012:user/ada',
    });
  });

  it('may have a stage before its path, and a slash behind it', () => {
    expect(statusOf(v2({}, '/prod/kafka/produce'))).toEqual(['http', 'frames']);
    expect(statusOf(v2({}, '/kafka/produce/'))).toEqual(['http', 'frames']);
  });

  it.each([
    ['no such path', 404, v2({}, '/')],
    ['no such function', 404, v2({}, '/kafka/consume')],
    ['a path of another function', 421, v2({}, '/kafka/fetch')],
    ['another method', 405, v2({}, '/kafka/produce', 'GET')],
    ['another method, payload 1.0', 405, v1({}, '/kafka/produce', 'PUT')],
    ['another content type', 415, v2({ headers: { 'content-type': 'application/json' } })],
    ['no content type', 415, v2({ headers: {} })],
    ['no headers', 415, v2({ headers: null })],
    ['no identity', 403, v2({ requestContext: { http: { method: 'POST' } } })],
    ['an empty identity', 403, v1({ requestContext: { identity: { userArn: null, caller: null } } })],
    ['a body as text', 400, v2({ isBase64Encoded: false, body: 'text' })],
    ['no body', 400, v2({ body: undefined })],
    ['a body that is not base64', 400, v2({ body: 'äöü not base64' })],
    ['7 MB', 413, v2({ body: Buffer.alloc(7_000_000).toString('base64') })],
  ])('with %s is refused with %i', (_, status, event) => {
    expect(statusOf(event)).toEqual(['http', status]);
  });

  it('without identity is let in where the stage says so', () => {
    const event = v2({ requestContext: { http: { method: 'POST' } } });
    expect(readEvent(event, { ...RULES, anonymous: true }).call).toMatchObject({ principal: 'User:ANONYMOUS' });
  });
});

describe('a direct invoke', () => {
  it('has the name that it gives, or a fixed one', () => {
    expect(readEvent({ tidelog: 'frames', body: BODY }, RULES)).toEqual({
      channel: 'invoke',
      call: { kind: 'frames', body: Buffer.from('frames'), principal: 'User:lambda' },
    });
    const named = { tidelog: 'frame', body: BODY, principal: 'User:ada' };
    expect(readEvent(named, RULES).call).toMatchObject({ kind: 'frame', principal: 'User:ada' });
  });

  it.each([
    ['nothing', null],
    ['text', 'hello'],
    ['a list', []],
    ['an empty object', {}],
    ['a queue', { Records: [{ eventSource: 'aws:sqs' }] }],
    ['an HTTP event without its context', { httpMethod: 'POST', path: '/kafka/produce' }],
    ['an unknown kind', { tidelog: 'batch', body: BODY }],
    ['no body', { tidelog: 'frames' }],
    ['bytes as JSON', { tidelog: 'frames', body: { type: 'Buffer', data: [1] } }],
    ['a principal of no type', { tidelog: 'frames', body: BODY, principal: 'ada' }],
    ['a principal that is no text', { tidelog: 'frames', body: BODY, principal: 7 }],
  ])('with %s is refused with 400', (_, event) => {
    expect(statusOf(event)).toEqual(['invoke', 400]);
  });

  it('with too much is refused with 413', () => {
    expect(statusOf({ tidelog: 'frames', body: 'A'.repeat(7_000_000) })).toEqual(['invoke', 413]);
  });
});

describe('the principal', () => {
  it('of an assumed role goes without its session', () => {
    expect(principalOf({ authorizer: { iam: IAM } })).toBe(ROLE);
    const china = 'arn:aws-cn:sts::123456789012:assumed-role/Orders/x@y';
    expect(principalOf({ identity: { userArn: china } })).toBe('User:arn:aws-cn:sts::123456789012:assumed-role/Orders');
  });

  it('falls back to the id of who called, without its session', () => {
    expect(principalOf({ authorizer: { iam: { userArn: null, callerId: 'AROA123:session' } } })).toBe('User:AROA123');
    expect(principalOf({ identity: { caller: 'AIDA123' } })).toBe('User:AIDA123');
  });

  it('is nobody where no IAM identity came, whatever else did', () => {
    expect(principalOf({ authorizer: { jwt: { claims: { sub: 'ada' } } } })).toBeUndefined();
    expect(principalOf({ authorizer: { lambda: { userArn: ROLE_ARN } } })).toBeUndefined();
    expect(principalOf({})).toBeUndefined();
  });
});

describe('the answer to what is refused', () => {
  const handler = frameFunction({
    ...RULES,
    waitMaxMs: 1_000,
    clock: systemClock,
    logger: silentLogger,
    engine: () => Promise.reject(new Error('nothing gets that far')),
    settle: async () => true,
  });

  it('is JSON with status and message, by HTTP', async () => {
    const answer = (await handler(v2({}, '/kafka/produce', 'GET'), {})) as HttpAnswer;
    expect(answer).toMatchObject({ statusCode: 405, headers: { 'content-type': 'application/json', allow: 'POST' } });
    expect(JSON.parse(answer.body)).toEqual({ error: { status: 405, message: 'POST is served, not GET' } });
  });

  it('is the same JSON by direct invoke', async () => {
    expect(await handler({ tidelog: 'frames' }, {})).toEqual({ error: { status: 400, message: 'there is no body' } });
  });

  it('says that there was a bug, and not which', async () => {
    expect(await handler({ tidelog: 'frames', body: BODY }, {})).toEqual({
      error: { status: 500, message: 'an internal error, logged as call_failed' },
    });
  });
});

describe('a call that fails', () => {
  it.each([
    ['in the making of the engine', () => Promise.reject(new StoreUnavailableError('gone')), 503],
    ['in the engine', async () => ({ handle: () => Promise.reject(new Error('a bug')), authorize: allowAll }), 500],
  ] as const)('%s leaves nothing running behind its answer', async (_, engine, status) => {
    let settled = false;
    const handler = frameFunction({
      ...RULES,
      name: 'admin',
      waitMaxMs: 1_000,
      clock: systemClock,
      logger: silentLogger,
      engine,
      settle: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        settled = true;
        return true;
      },
    });
    const body = frameOf(ApiKey.ApiVersions, 0, {}).toString('base64');
    expect(await handler({ tidelog: 'frame', body }, {})).toMatchObject({ error: { status } });
    expect(settled).toBe(true);
  });
});

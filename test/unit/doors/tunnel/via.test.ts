import { describe, expect, it } from 'vitest';
import { scopeOfHost } from '../../../../lib/doors/tunnel/signing.ts';
import { readVia } from '../../../../lib/doors/tunnel/via.ts';

function urls(text: string, allowHttp = false) {
  const read = readVia(text, allowHttp);
  if (read.kind !== 'via' || read.via.kind !== 'http') throw new Error(JSON.stringify(read));
  return Object.values(read.via.urls).map(({ href }) => href);
}

describe('--via', () => {
  it('takes a base address, with and without a path', () => {
    expect(urls('https://abc.execute-api.eu-west-1.amazonaws.com')[0]).toBe(
      'https://abc.execute-api.eu-west-1.amazonaws.com/kafka/produce',
    );
    expect(urls('https://abc.execute-api.eu-west-1.amazonaws.com/prod/')).toEqual(
      ['produce', 'fetch', 'coordinate', 'admin'].map(
        (name) => `https://abc.execute-api.eu-west-1.amazonaws.com/prod/kafka/${name}`,
      ),
    );
  });

  it('takes a URL for each function', () => {
    const text =
      'produce=https://p.on.aws/,fetch=https://f.on.aws,coordinate=https://c.on.aws/, admin=https://a.on.aws/';
    expect(urls(text)).toEqual([
      'https://p.on.aws/kafka/produce',
      'https://f.on.aws/kafka/fetch',
      'https://c.on.aws/kafka/coordinate',
      'https://a.on.aws/kafka/admin',
    ]);
  });

  it('takes the prefix of functions', () => {
    expect(readVia('lambda:tidelog', false)).toEqual({ kind: 'via', via: { kind: 'lambda', prefix: 'tidelog' } });
  });

  it('takes plain HTTP to this machine, to others only if told to', () => {
    for (const host of ['localhost:4566', '127.0.0.1:4566', '[::1]:4566', 'x.localhost']) {
      expect(urls(`http://${host}/base`)[0]).toBe(`http://${host}/base/kafka/produce`);
    }
    expect(readVia('http://example.com', false)).toMatchObject({ problem: expect.stringContaining('plain HTTP') });
    // Looks like this machine and is not.
    expect(readVia('http://localhost.example.com', false).kind).toBe('invalid');
    expect(readVia('http://127.0.0.1.example.com', false).kind).toBe('invalid');
    expect(urls('http://example.com', true)[0]).toBe('http://example.com/kafka/produce');
  });

  it.each([
    ['', 'no address'],
    ['example.com', 'no address'],
    ['ftp://example.com', 'no address'],
    ['https://user:secret@example.com', 'a user and a password'],
    ['https://example.com/?a=b', 'a query'],
    ['lambda:', 'cannot begin the name'],
    ['lambda:a b', 'cannot begin the name'],
    ['produce=https://p.on.aws', 'fetch, coordinate, admin are missing'],
    ['produce=https://p.on.aws,produce=https://p.on.aws', 'given twice'],
    ['make=https://p.on.aws', 'names no function'],
    ['produce=nowhere', 'no address'],
  ])('refuses %j', (text, problem) => {
    expect(readVia(text, false)).toMatchObject({ kind: 'invalid', problem: expect.stringContaining(problem) });
  });
});

describe('the scope of signatures', () => {
  it.each([
    ['abc.execute-api.eu-west-1.amazonaws.com', 'execute-api', 'eu-west-1'],
    ['abc.execute-api.us-gov-west-1.amazonaws.com', 'execute-api', 'us-gov-west-1'],
    ['abc-vpce-1.execute-api.cn-north-1.amazonaws.com.cn', 'execute-api', 'cn-north-1'],
    ['abc.lambda-url.ap-southeast-2.on.aws', 'lambda', 'ap-southeast-2'],
    ['abc.lambda-url.us-east-1.localhost.localstack.cloud', 'lambda', 'us-east-1'],
    ['abc.execute-api.localhost.localstack.cloud', 'execute-api', undefined],
    ['log.example.com', 'execute-api', undefined],
    ['127.0.0.1', 'execute-api', undefined],
  ])('of %s', (host, service, region) => {
    expect(scopeOfHost(host)).toEqual({ service, region });
  });
});

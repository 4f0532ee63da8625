import { describe, expect, it } from 'vitest';
import { parseAddresses, showAddress } from '../../../lib/cli/client/addresses.ts';
import { readClientConfig } from '../../../lib/cli/client/client-config.ts';
import { type ConnectionFailure, connectionProblem } from '../../../lib/cli/client/connection-problem.ts';
import { brokerRefusal } from '../../../lib/cli/failure.ts';

describe('addresses', () => {
  it.each([
    ['a', [{ host: 'a', port: 9092 }]],
    [
      'a:1, [::1]:2,b:65535,',
      [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
        { host: 'b', port: 65_535 },
      ],
    ],
  ])('%s', (text, addresses) => {
    expect(parseAddresses(text)).toEqual({ kind: 'addresses', addresses });
  });

  it.each(['', ',', 'a:0', 'a:65536', 'a:b', 'kafka://a:1', '::1'])('%j is refused', (text) => {
    expect(parseAddresses(text).kind).toBe('invalid');
  });

  it('are shown as they are written', () => {
    expect([showAddress({ host: '::1', port: 2 }), showAddress({ host: 'a', port: 1 })]).toEqual(['[::1]:2', 'a:1']);
  });
});

describe('a client config', () => {
  const base = 'security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n';

  it('takes the names of the Java clients and of librdkafka', () => {
    const sasl = { mechanism: 'SCRAM-SHA-512', username: 'ann', password: 'p"w' };
    const jaas = 'sasl.jaas.config=org.example.ScramLoginModule required username="ann" password="p\\\\"w";\n';
    expect(readClientConfig(base + jaas)).toEqual({ kind: 'config', config: { tls: true, sasl } });
    const rdkafka = `${base}sasl.username=ann\nsasl.password=p"w\nssl.ca.location=/ca.pem\nbootstrap.servers=a:1\nclient.id=me\nlinger.ms=5`;
    expect(readClientConfig(rdkafka)).toEqual({
      kind: 'config',
      config: { tls: true, sasl, trustedAuthorities: '/ca.pem', bootstrapServers: 'a:1', clientId: 'me' },
    });
    expect(readClientConfig('')).toEqual({ kind: 'config', config: { tls: false } });
  });

  it.each([
    ['security.protocol=TLS', 'security.protocol is one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL.'],
    [
      'security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI',
      'sasl.mechanism is one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512.',
    ],
    [`${base}sasl.username=ann`, 'SASL needs sasl.username and sasl.password, or both in sasl.jaas.config.'],
    [
      'ssl.truststore.location=/t.jks',
      'ssl.truststore.location needs ssl.truststore.type=PEM: Java key stores cannot be read here.',
    ],
    [
      'ssl.endpoint.identification.algorithm=',
      'ssl.endpoint.identification.algorithm is not supported by this command line.',
    ],
  ])('%j is refused', (content, problem) => {
    expect(readClientConfig(content)).toEqual({ kind: 'invalid', problem });
  });
});

describe('problems in words', () => {
  const failed = (failure: ConnectionFailure) => connectionProblem(failure, 'a:1', { timeoutMs: 100 });

  it.each([
    ['ENOTFOUND', /^No broker at a:1: the host name is not known\. Check the address/],
    ['ECONNREFUSED', /nothing listens there\. Start one with tidelog dev/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /ssl\.ca\.location/],
    ['ESTRANGE', /^The connection to a:1 failed: strange\.$/],
  ])('%s', (code, message) => {
    expect(failed({ kind: 'system', code, message: 'strange' }).message).toMatch(message);
  });

  it('a refused login', () => {
    const error = failed({ kind: 'login', message: 'Wrong.' });
    expect([error.kafkaError, error.message]).toEqual([
      'SASL_AUTHENTICATION_FAILED',
      'a:1 refused the login (Wrong): check user name, password and mechanism in --client-config.',
    ]);
  });

  it("the broker's errors, with its words if it has any", () => {
    expect(brokerRefusal('It failed', 17, 'Bad name.').message).toBe('It failed: Bad name (INVALID_TOPIC_EXCEPTION).');
    expect(brokerRefusal('It failed', 17, null).message).toBe('It failed: INVALID_TOPIC_EXCEPTION.');
    expect(brokerRefusal('It failed', 9999).message).toBe('It failed: error 9999.');
  });
});

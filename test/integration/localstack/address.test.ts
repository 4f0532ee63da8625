import { describe, expect, it } from 'vitest';
import { addressOn } from '../../../localstack/address.ts';

const ENDPOINT = 'http://127.0.0.1:4566';
const URL_ID = '47e824b4-dd7f-46e8-b85f-55346dcbad1a';

describe('where an address of a stack is on an endpoint', () => {
  it.each([
    [
      'an HTTP API of AWS',
      'https://2ec58d2c.execute-api.us-east-1.amazonaws.com',
      '/_aws/execute-api/2ec58d2c/$default',
    ],
    ['with a slash', 'https://2ec58d2c.execute-api.us-east-1.amazonaws.com/', '/_aws/execute-api/2ec58d2c/$default'],
    ['an HTTP API of MiniStack', 'http://2ec58d2c.execute-api.localhost:4566', '/_aws/execute-api/2ec58d2c/$default'],
    ['a REST API', 'https://a7370cff.execute-api.eu-west-1.amazonaws.com/kafka', '/_aws/execute-api/a7370cff/kafka'],
    ['with a slash', 'https://a7370cff.execute-api.eu-west-1.amazonaws.com/kafka/', '/_aws/execute-api/a7370cff/kafka'],
    ['a function URL', `https://${URL_ID}.lambda-url.us-east-1.on.aws/`, `/_aws/lambda-url/${URL_ID}`],
  ])('%s', (_, address, path) => {
    expect(addressOn(ENDPOINT, address)).toBe(`${ENDPOINT}${path}`);
    expect(addressOn(`${ENDPOINT}/`, address)).toBe(`${ENDPOINT}${path}`);
  });

  it('is the address itself where the endpoint gave one of its own', () => {
    const own = 'http://abc.lambda-url.us-east-1.localhost.localstack.cloud:4566';
    expect(addressOn(ENDPOINT, `${own}/`)).toBe(own);
  });
});

// A Lambda function that writes what it is called with to a topic, over HTTP and signed as its role.
// REST_URL is the output RestUrl, TOPIC the topic; the role needs `grantRestProduce`. Bundle it with
// esbuild (`--bundle --platform=node --format=esm`). Lambda sets the other variables.
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

const { REST_URL = '', TOPIC = 'orders', AWS_REGION: region = 'us-east-1' } = process.env;
const url = new URL(`${REST_URL}/topics/${TOPIC}`);

/** What the signer asks of SHA-256. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: string | ArrayBuffer | ArrayBufferView) {
    this.#hash.update(data as Uint8Array);
  }
  async digest() {
    return this.#hash.digest();
  }
}

const signer = new SignatureV4({
  region,
  service: url.hostname.includes('.lambda-url.') ? 'lambda' : 'execute-api',
  sha256: Sha256,
  credentials: async () => ({
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? '',
    ...(process.env.AWS_SESSION_TOKEN && { sessionToken: process.env.AWS_SESSION_TOKEN }),
  }),
});

/** Lambda calls again after a failure, with the same request id: the record is stored once. */
export async function handler(event: unknown, { awsRequestId }: { awsRequestId: string }) {
  const { headers, body } = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: {
      host: url.host,
      'content-type': 'application/vnd.kafka.json.v2+json',
      'idempotency-key': awsRequestId,
    },
    body: JSON.stringify({ records: [{ value: event }] }),
  });
  const answer = await fetch(url, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  const { offsets } = (await answer.json()) as { offsets: { partition: number; offset: number }[] };
  return offsets[0];
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { s3Client } from '../../../../lib/storage/s3/client.ts';
import { STAND_IN_CONFIG } from '../../../support/aws-targets.ts';

describe('an S3 client where the environment names an endpoint', () => {
  const paths: string[] = [];
  const server = createServer((request, answer) => {
    paths.push(request.url!);
    answer.end('content');
  });

  beforeEach(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));

  afterEach(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });

  it.each(['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'])('asks for the bucket by path (%s)', async (variable) => {
    const { port } = server.address() as AddressInfo;
    // A name below localhost, as of a bucket, resolves on some machines only.
    vi.stubEnv(variable, `http://localhost:${port}`);
    const client = s3Client(STAND_IN_CONFIG);
    await client.send(new GetObjectCommand({ Bucket: 'records', Key: 'wal/1' }));
    client.destroy();
    expect(paths.at(-1)).toBe('/records/wal/1?x-id=GetObject');
  });
});

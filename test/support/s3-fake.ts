import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface StoredObject {
  readonly bytes: Buffer;
  readonly modified: Date;
}

export interface S3Fake {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/**
 * As much of S3 as the adapter calls, over HTTP: PUT, GET with and without a range, DELETE, ListObjectsV2 with pages of
 * two keys. No signatures, no versions, no multipart.
 */
export async function startS3Fake(): Promise<S3Fake> {
  const objects = new Map<string, StoredObject>();
  const server = createServer((request, response) => {
    answer(objects, request, response).catch((error: Error) => response.destroy(error));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const LIST_PAGE = 2;

async function answer(objects: Map<string, StoredObject>, request: IncomingMessage, response: ServerResponse) {
  const url = new URL(request.url!, 'http://s3');
  const [, , ...path] = url.pathname.split('/');
  const key = decodeURIComponent(path.join('/'));
  const found = objects.get(key);
  if (request.method === 'PUT') {
    objects.set(key, { bytes: Buffer.concat(await request.toArray()), modified: new Date() });
    response.end();
  } else if (request.method === 'DELETE') {
    objects.delete(key);
    response.writeHead(204).end();
  } else if (key === '' && url.searchParams.get('list-type') === '2') {
    response.end(list(objects, url.searchParams));
  } else if (found === undefined) {
    response.writeHead(404).end('<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>');
  } else {
    sendObject(found, request.headers.range, response);
  }
}

function sendObject({ bytes, modified }: StoredObject, range: string | undefined, response: ServerResponse) {
  response.setHeader('last-modified', modified.toUTCString());
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  if (first === undefined) return response.end(bytes);
  if (Number(first) >= bytes.length) {
    return response.writeHead(416).end('<Error><Code>InvalidRange</Code><Message>not satisfiable</Message></Error>');
  }
  const part = bytes.subarray(Number(first), Number(last) + 1);
  const contentRange = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`;
  return response.writeHead(206, { 'content-range': contentRange }).end(part);
}

function list(objects: Map<string, StoredObject>, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  const matching = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = matching.slice(0, Math.min(LIST_PAGE, Number(query.get('max-keys') ?? LIST_PAGE)));
  const truncated = page.length < matching.length;
  const contents = page.map((key) => {
    const { bytes, modified } = objects.get(key)!;
    const size = `<Size>${bytes.length}</Size>`;
    return `<Contents><Key>${key}</Key>${size}<LastModified>${modified.toISOString()}</LastModified></Contents>`;
  });
  const next = truncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
  return `<ListBucketResult>${contents.join('')}<IsTruncated>${truncated}</IsTruncated>${next}</ListBucketResult>`;
}

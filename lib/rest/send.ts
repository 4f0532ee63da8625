import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Answer } from './answer.ts';

const gzipped = promisify(gzip);

/** Smaller answers do not get smaller on the wire; bytes. */
const GZIP_BYTES_MIN = 1_024;

export interface SendTerms {
  readonly request: Request;
  /** The media type of the answer. */
  readonly type: string;
  /** Names the content, so that an unchanged answer need not be sent again. */
  readonly withETag: boolean;
}

/** The response of HTTP for an answer: JSON, compressed if the client takes that. */
export async function send(answer: Answer, { request, type, withETag }: SendTerms): Promise<Response> {
  switch (answer.kind) {
    case 'stream':
      return new Response(encoded(answer.chunks), { headers: { 'Content-Type': type, ...answer.headers } });
    case 'text':
      return sendText(answer.text, 200, { 'Content-Type': answer.contentType, ...answer.headers }, request, withETag);
    case 'refused': {
      const body = JSON.stringify({ error_code: answer.errorCode, message: answer.message });
      return sendText(body, answer.status, { 'Content-Type': type }, request, false);
    }
    case 'answer': {
      if (answer.body === undefined)
        return new Response(null, { status: answer.status, headers: answer.headers ?? {} });
      const headers = { 'Content-Type': type, ...answer.headers };
      return sendText(JSON.stringify(answer.body), answer.status, headers, request, withETag);
    }
  }
}

async function sendText(
  text: string,
  status: number,
  headers: Readonly<Record<string, string>>,
  request: Request,
  withETag: boolean,
): Promise<Response> {
  const all = new Headers(headers);
  if (withETag && status === 200) {
    // Weak: the same content may come compressed or not.
    const tag = `W/"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    all.set('ETag', tag);
    if (matches(request.headers.get('if-none-match'), tag)) return new Response(null, { status: 304, headers: all });
  }
  if (text.length < GZIP_BYTES_MIN) return new Response(text, { status, headers: all });
  all.set('Vary', 'Accept-Encoding');
  if (!takesGzip(request.headers.get('accept-encoding'))) return new Response(text, { status, headers: all });
  all.set('Content-Encoding', 'gzip');
  return new Response(new Uint8Array(await gzipped(text)), { status, headers: all });
}

function matches(header: string | null, tag: string): boolean {
  return header?.split(',').some((one) => one.trim() === tag || one.trim() === '*') ?? false;
}

function takesGzip(header: string | null): boolean {
  return header?.split(',').some((one) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(one)) ?? false;
}

function encoded(chunks: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const next = await iterator.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

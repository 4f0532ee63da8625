import type { Channel } from './events.ts';
import type { Refusal } from './refusal.ts';

/** What API Gateway (both versions of its payload) and function URLs make an HTTP answer of. */
export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** What a direct invoke is answered with. */
export type InvokeAnswer =
  | { readonly body: string }
  | { readonly error: { readonly status: number; readonly message: string } };

export type LambdaAnswer = HttpAnswer | InvokeAnswer;

/** Bytes, as the channel carries them. */
export function binaryAnswer(channel: Channel, contentType: string, chunks: readonly Buffer[]): LambdaAnswer {
  const body = Buffer.concat(chunks).toString('base64');
  if (channel === 'invoke') return { body };
  return { statusCode: 200, headers: { 'content-type': contentType }, body, isBase64Encoded: true };
}

/** Nothing, where Kafka sends nothing (Produce with acks=0). */
export function emptyAnswer(channel: Channel): LambdaAnswer {
  if (channel === 'invoke') return { body: '' };
  return { statusCode: 204, headers: {}, body: '', isBase64Encoded: false };
}

/** A refusal, the same JSON by either channel. */
export function errorAnswer(channel: Channel, { status, message }: Refusal): LambdaAnswer {
  const error = { error: { status, message } };
  if (channel === 'invoke') return error;
  const allow: Record<string, string> = status === 405 ? { allow: 'POST' } : {};
  const headers = { 'content-type': 'application/json', ...allow };
  return { statusCode: status, headers, body: JSON.stringify(error), isBase64Encoded: false };
}

import type { Channel } from './events.ts';
import type { Refusal } from './refusal.ts';

/** The response object that API Gateway (payload 1.0 and 2.0) and function URLs turn into HTTP. */
export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** The answer to a direct invoke. */
export type InvokeAnswer =
  | { readonly body: string }
  | { readonly error: { readonly status: number; readonly message: string } };

export type LambdaAnswer = HttpAnswer | InvokeAnswer;

/** The answer's bytes, encoded as the channel carries them. */
export function binaryAnswer(channel: Channel, contentType: string, chunks: readonly Buffer[]): LambdaAnswer {
  const body = Buffer.concat(chunks).toString('base64');
  if (channel === 'invoke') return { body };
  return { statusCode: 200, headers: { 'content-type': contentType }, body, isBase64Encoded: true };
}

/** The empty answer, where Kafka sends none (Produce with acks=0). */
export function emptyAnswer(channel: Channel): LambdaAnswer {
  if (channel === 'invoke') return { body: '' };
  return { statusCode: 204, headers: {}, body: '', isBase64Encoded: false };
}

/** A refusal. Both channels use the same JSON. */
export function errorAnswer(channel: Channel, { status, message }: Refusal): LambdaAnswer {
  const error = { error: { status, message } };
  if (channel === 'invoke') return error;
  const allow: Record<string, string> = status === 405 ? { allow: 'POST' } : {};
  const headers = { 'content-type': 'application/json', ...allow };
  return { statusCode: status, headers, body: JSON.stringify(error), isBase64Encoded: false };
}

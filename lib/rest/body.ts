import * as v from 'valibot';
import type { Refusal } from './answer.ts';
import { invalidPayload, refusedWith, unprocessable } from './errors.ts';
import { parseJson } from './json/parse.ts';

const NO_CHUNKS: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} };

/** The body of a request as it comes; nothing for a request without one. */
export function chunksOf(request: Request): AsyncIterable<Uint8Array> {
  return request.body ?? NO_CHUNKS;
}

export const CUT_OFF = 'the connection closed before the end of the body';

/** Whether reading a body failed because the client is gone, as Node says it. */
export function isCutOff(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';
}

/** The whole body as text. A larger one is refused as soon as that shows. */
export async function readText(
  request: Request,
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<string | Refusal> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > bytesMax) return refusedWith(413);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > bytesMax) return refusedWith(413);
      chunks.push(chunk);
    }
  } catch (error) {
    if (!isCutOff(error)) throw error;
    return refusedWith(400, CUT_OFF);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A body of JSON by its schema. An empty one is read as absent. */
export function readJson<T>(
  text: string,
  schema: v.GenericSchema<unknown, T>,
  isOptional: boolean,
): { readonly value: T } | Refusal {
  if (text.trim() === '') {
    return isOptional ? { value: undefined as T } : invalidPayload('Request body is empty. Data is required.');
  }
  const parsed = parseJson(text);
  if (parsed.kind === 'invalid') return refusedWith(400, parsed.message);
  if (parsed.value === null && !isOptional) return invalidPayload('Request body is empty. Data is required.');
  return checkValue(parsed.value, schema);
}

/**
 * A value of JSON by a schema. The refusal names the first wrong part: 400 for a value of another
 * type, 422 for one of the right type that is not allowed (Jackson's errors, and those of
 * ConstraintViolationExceptionMapper).
 */
export function checkValue<T>(value: unknown, schema: v.GenericSchema<unknown, T>): { readonly value: T } | Refusal {
  const checked = v.safeParse(schema, value, { abortEarly: true });
  if (checked.success) return { value: checked.output };
  const [issue] = checked.issues;
  const path = v.getDotPath(issue);
  const message = path === null ? issue.message : `${path}: ${issue.message}`;
  return issue.kind === 'validation' ? unprocessable(message) : refusedWith(400, message);
}

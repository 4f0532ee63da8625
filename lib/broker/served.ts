import { ApiKey, apiName } from '../wire/api-key.ts';
import { APIS, type ApiRow, type ServedName } from './apis.ts';

/** The rows of the served APIs, by key. */
export const SERVED: ReadonlyMap<ApiKey, ApiRow> = new Map(
  (Object.keys(APIS) as ServedName[]).map((name) => [ApiKey[name], APIS[name]]),
);

/** The row of the API with this key; undefined if it is not served. */
export function rowOf(apiKey: number): ApiRow | undefined {
  return SERVED.get(apiKey as ApiKey);
}

/** Whether a version of an API is served. */
export function isServed(apiKey: number, version: number): boolean {
  const row = rowOf(apiKey);
  return row !== undefined && version >= row.min && version <= row.max;
}

/** Why a request of an unserved API or version closes its connection; for the log. */
export function notServed(apiKey: number, version: number): string {
  return apiName(apiKey) === undefined
    ? `unknown API key ${apiKey}`
    : `version ${version} of API key ${apiKey} is not served`;
}

import { setTimeout as wait } from 'node:timers/promises';
import { EndpointError } from './endpoint-error.ts';

/** The services that the stacks need. */
const SERVICES_NEEDED = ['cloudformation', 'dynamodb', 's3', 'lambda'];

/**
 * A local endpoint answers within milliseconds. A starting container may take longer for one
 * answer.
 */
const ANSWER_MS_MAX = 5_000;
const POLL_MS = 100;

/** An endpoint's health page. */
export interface Health {
  readonly version: string;
  readonly services: Readonly<Record<string, string>>;
}

/**
 * LocalStack's health page, which MiniStack serves too; undefined if `url` does not answer with
 * one.
 */
export async function healthOf(url: string): Promise<Health | undefined> {
  try {
    const answer = await fetch(new URL('/_localstack/health', url), { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const health = (await answer.json()) as Partial<Health>;
    if (health.services === undefined) return undefined;
    return { version: String(health.version), services: health.services };
  } catch {
    return undefined;
  }
}

/** Whether MiniStack answers at `url`. */
export async function isMinistackAt(url: string): Promise<boolean> {
  try {
    const answer = await fetch(new URL('/_ministack/health', url), { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    return answer.ok;
  } catch {
    return false;
  }
}

/**
 * Throws EndpointError unless an endpoint with the needed services answers at `url`.
 *
 * @param whatToDo the end of the message, after what is wrong
 */
export async function requireEndpoint(url: string, whatToDo: string): Promise<Health> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new EndpointError(`${url} is no endpoint: it takes a URL such as http://127.0.0.1:4566.`);
  }
  const health = await healthOf(url);
  if (health === undefined) throw new EndpointError(`No LocalStack or MiniStack answers at ${url}. ${whatToDo}`);
  const missing = SERVICES_NEEDED.filter((name) => health.services[name] === undefined);
  if (missing.length > 0) throw new EndpointError(`The endpoint at ${url} does not serve ${missing.join(', ')}.`);
  return health;
}

/**
 * Waits until an endpoint answers at `url`.
 *
 * @param timeoutMs the longest wait
 * @param isGone whether the endpoint has ended, so that waiting is pointless
 */
export async function untilHealthy(url: string, timeoutMs: number, isGone: () => boolean): Promise<Health | undefined> {
  for (const startedAt = performance.now(); performance.now() - startedAt < timeoutMs; await wait(POLL_MS)) {
    const health = await healthOf(url);
    if (health !== undefined || isGone()) return health;
  }
  return undefined;
}

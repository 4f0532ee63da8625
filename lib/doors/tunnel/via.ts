import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';

/** The functions' address, from `--via`. */
export type Via =
  | { readonly kind: 'http'; readonly urls: Readonly<Record<FrameFunction, URL>> }
  /** Functions are named PREFIX-produce, PREFIX-fetch and so on. */
  | { readonly kind: 'lambda'; readonly prefix: string };

export type ViaOutcome =
  | { readonly kind: 'via'; readonly via: Via }
  | { readonly kind: 'invalid'; readonly problem: string };

const LAMBDA = 'lambda:';
/** Lambda's limit for function names (64 characters), less the longest suffix, `-coordinate`. */
const PREFIX = /^[A-Za-z0-9_-]{1,53}$/;

const FORMS =
  'an address such as https://ID.execute-api.REGION.amazonaws.com, lambda:PREFIX, or produce=URL,fetch=URL,coordinate=URL,admin=URL';

/**
 * Reads the value of `--via`. Plain HTTP is accepted for hosts that only this machine reaches, and
 * for others with `allowHttp`: signatures do not hide records from eavesdroppers.
 */
export function readVia(text: string, allowHttp: boolean): ViaOutcome {
  if (text.startsWith(LAMBDA)) {
    const prefix = text.slice(LAMBDA.length);
    if (PREFIX.test(prefix)) return { kind: 'via', via: { kind: 'lambda', prefix } };
    return invalid(
      `--via: "${prefix}" cannot begin the name of a function. Write lambda:PREFIX with the output FunctionPrefix of the Service stack, for example lambda:tidelog.`,
    );
  }
  return /^[a-z]+=/.test(text) ? readUrls(text, allowHttp) : readBase(text, allowHttp);
}

/** One base address for all functions: POST {base}/kafka/{function}. */
function readBase(text: string, allowHttp: boolean): ViaOutcome {
  const base = readUrl(text, allowHttp);
  if (typeof base === 'string') return invalid(base);
  const path = base.pathname.replace(/\/$/, '');
  const urlOf = (name: FrameFunction) => new URL(`${path}/kafka/${name}`, base);
  return { kind: 'via', via: { kind: 'http', urls: byFunction(urlOf) } };
}

/** One address per function, as function URLs have: POST {url}kafka/{function}. */
function readUrls(text: string, allowHttp: boolean): ViaOutcome {
  const found = new Map<string, URL>();
  for (const part of text.split(',').map((piece) => piece.trim())) {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(at, 0));
    if (!FRAME_FUNCTIONS.includes(name as FrameFunction)) {
      return invalid(`--via: "${part}" names no function; there is ${FRAME_FUNCTIONS.join(', ')}.`);
    }
    if (found.has(name)) return invalid(`--via: ${name} is given twice.`);
    const url = readUrl(part.slice(at + 1), allowHttp);
    if (typeof url === 'string') return invalid(url);
    found.set(name, new URL(`${url.pathname.replace(/\/$/, '')}/kafka/${name}`, url));
  }
  const missing = FRAME_FUNCTIONS.filter((name) => !found.has(name));
  if (missing.length > 0) {
    return invalid(
      `--via: ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing; each function needs its URL.`,
    );
  }
  return { kind: 'via', via: { kind: 'http', urls: byFunction((name) => found.get(name)!) } };
}

/** The URL, or what is wrong with it. */
function readUrl(text: string, allowHttp: boolean): URL | string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return `--via: "${text}" is no address; write ${FORMS}.`;
  }
  const { protocol, hostname } = url;
  if (protocol !== 'https:' && protocol !== 'http:') return `--via: "${text}" is no address; write ${FORMS}.`;
  if (url.username !== '' || url.password !== '') {
    return '--via: an address with a user and a password is not taken; requests are signed with AWS credentials.';
  }
  if (url.search !== '' || url.hash !== '')
    return `--via: "${text}" has a query or a fragment; give the base address alone.`;
  if (protocol === 'https:' || allowHttp || isThisMachine(hostname)) return url;
  return (
    `--via: ${url.origin} is plain HTTP to another machine, and the network in between could read every record. ` +
    'Use https, or pass --allow-http if the network is yours.'
  );
}

/** Names under localhost never leave the machine (RFC 6761). */
function isThisMachine(hostname: string): boolean {
  return /^(?:(?:[^.]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

function byFunction(urlOf: (name: FrameFunction) => URL): Record<FrameFunction, URL> {
  return Object.fromEntries(FRAME_FUNCTIONS.map((name) => [name, urlOf(name)])) as Record<FrameFunction, URL>;
}

function invalid(problem: string): ViaOutcome {
  return { kind: 'invalid', problem };
}

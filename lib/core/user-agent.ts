import { VERSION } from './version.ts';

/**
 * What every SDK client adds to its User-Agent header, so that CloudTrail and S3's access logs show
 * whose requests they are.
 */
export const USER_AGENT: [string, string][] = [['tidelog', VERSION]];

/** The header of requests that no SDK client makes. */
export const USER_AGENT_HEADER = `tidelog/${VERSION}`;

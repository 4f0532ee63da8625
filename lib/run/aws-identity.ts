import type { Credentials } from '../doors/tunnel/credentials.ts';
import { StartError } from './start-error.ts';

/** Throws StartError where there are no credentials to sign with. */
export async function requireCredentials(credentials: Credentials): Promise<void> {
  try {
    await credentials();
  } catch (error) {
    const words = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
    const { AWS_PROFILE: profile } = process.env;
    const where = profile === undefined ? '' : ` in the profile ${profile}`;
    throw new StartError(
      `There are no AWS credentials${where}: ${words}. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in (aws sso login).`,
      { cause: error },
    );
  }
}

/** The error for a region that is missing in the host name, the variables and the profile. */
export function regionMissing(what: string): StartError {
  const { AWS_DEFAULT_REGION: unread } = process.env;
  const hint = unread === undefined ? '' : ` (AWS_DEFAULT_REGION is not read by the AWS SDK.)`;
  return new StartError(`The AWS region of ${what} is not known. Set AWS_REGION, or a region in the profile.${hint}`);
}

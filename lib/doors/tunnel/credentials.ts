/** The credentials that sign requests. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Caches credentials and renews them before they expire. Rejects if there are none. */
export type Credentials = (options?: { readonly forceRefresh?: boolean }) => Promise<Identity>;

/**
 * Credentials from the AWS SDK's sources: variables, the profile's files, single sign-on, a
 * container's or an instance's role. Loaded on first use, since loading the SDK's parts adds a
 * tenth of a second to a start.
 */
export async function defaultCredentials(): Promise<Credentials> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider();
}

/** What requests are signed with. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Keeps credentials at hand and gets new ones before they run out. Rejects where there are none. */
export type Credentials = (options?: { readonly forceRefresh?: boolean }) => Promise<Identity>;

/**
 * Credentials where the AWS SDK finds them: variables, the profile's files, single sign-on, a container's or an instance's role.
 * Loaded when wanted, since the SDK's parts cost a tenth of a second of a start.
 */
export async function defaultCredentials(): Promise<Credentials> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider();
}

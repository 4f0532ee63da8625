/** Credentials as the SDK's clients take them. */
interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * Replaces `@aws-sdk/credential-provider-node` in the functions' bundles. Lambda gives each
 * instance its role's credentials in these variables for its whole life, so the SDK's chain of
 * providers is not needed.
 */
export function defaultProvider(): () => Promise<Credentials> {
  return async () => {
    const {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: token,
    } = process.env;
    if (!accessKeyId || !secretAccessKey) {
      const error = new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, which Lambda does');
      error.name = 'CredentialsProviderError';
      throw error;
    }
    return { accessKeyId, secretAccessKey, ...(token ? { sessionToken: token } : {}) };
  };
}

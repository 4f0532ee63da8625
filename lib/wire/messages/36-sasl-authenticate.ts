import { api } from '../api.ts';
import { bytes, int16, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Carries the bytes of a SASL exchange. From 1 on, the answer has the session's lifetime (KIP-368).
 */
export const SaslAuthenticateRequest = message('SaslAuthenticateRequest', '0-2', '2+', { authBytes: bytes() });

export const SaslAuthenticateResponse = message('SaslAuthenticateResponse', '0-2', '2+', {
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true }),
  authBytes: bytes(),
  sessionLifetimeMs: int64('1+', { default: 0, ignorable: true }),
});

export const SaslAuthenticate = api('SaslAuthenticate', SaslAuthenticateRequest, SaslAuthenticateResponse);

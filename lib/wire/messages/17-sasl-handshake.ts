import { api } from '../api.ts';
import { array, int16, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Names the SASL mechanism. With version 1 the exchange continues in SaslAuthenticate, with 0 in
 * frames without headers.
 */
export const SaslHandshakeRequest = message('SaslHandshakeRequest', '0-1', 'none', { mechanism: string() });

export const SaslHandshakeResponse = message('SaslHandshakeResponse', '0-1', 'none', {
  errorCode: int16(),
  mechanisms: array(string()),
});

export const SaslHandshake = api('SaslHandshake', SaslHandshakeRequest, SaslHandshakeResponse);

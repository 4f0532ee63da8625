import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ApiKey, apis } from '../../lib/wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../lib/wire/client-frame.ts';
import { encodeResponse, SIZE_PREFIX_BYTES } from '../../lib/wire/frame.ts';
import { decodeRequest } from '../support/decode-request.ts';

/**
 * Frames that other implementations encoded from the same values: kafka-clients through its own message classes and their
 * JSON converters, kafkajs through its request encoders. Bytes are base64, frames hex with their size in front.
 */
interface GoldenFrame {
  readonly source: string;
  readonly api: keyof typeof ApiKey;
  readonly kind: 'request' | 'response';
  readonly version: number;
  readonly correlationId: number;
  readonly clientId?: string | null;
  readonly body: object;
  readonly frame: string;
}

function reviveBytes(_: string, value: unknown): unknown {
  const isBytes = typeof value === 'object' && value !== null && 'base64' in value;
  return isBytes ? Buffer.from(String(value.base64), 'base64') : value;
}

const golden: GoldenFrame[] = JSON.parse(readFileSync(new URL('frames.json', import.meta.url), 'utf8'), reviveBytes);
const labelled = golden.map((each) => [`${each.api} ${each.kind} v${each.version} of ${each.source}`, each] as const);

describe('frames of other implementations', () => {
  it.each(labelled)('%s', (_, { api, kind, version, correlationId, clientId = null, body, frame }) => {
    const key = ApiKey[api];
    const content = Buffer.from(frame, 'hex').subarray(SIZE_PREFIX_BYTES);
    // The fixture's body names what the version has, and leaves tagged fields at their defaults out.
    if (kind === 'request') {
      const header = { apiKey: key, apiVersion: version, correlationId, clientId };
      expect(decodeRequest(content)).toMatchObject({ kind: 'request', header, body });
      const encoded = encodeRequest(key, version, correlationId, clientId, body as never);
      expect(Buffer.concat(encoded).toString('hex')).toBe(frame);
    } else {
      expect(decodeResponse(key, version, content)).toMatchObject({ kind: 'response', correlationId, version, body });
      const encoded = encodeResponse(apis[key], version, correlationId, body as never);
      expect(Buffer.concat(encoded).toString('hex')).toBe(frame);
    }
  });
});

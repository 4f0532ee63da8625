import { describe, expect, it } from 'vitest';
import type { Credentials, Identity } from '../../../../lib/doors/tunnel/credentials.ts';
import { signerFor } from '../../../../lib/doors/tunnel/signing.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const NOON = Date.UTC(2026, 10, 21, 12);
const MINUTE = 60_000;
const REQUEST = { url: new URL('https://x.example/kafka/fetch'), headers: {}, body: Buffer.from('body') };

async function signerWith(credentials: Credentials) {
  const clock = new VirtualClock(NOON);
  const signer = await signerFor({ service: 'execute-api', region: 'eu-test-1' }, credentials, clock);
  return { clock, signer };
}

const identity: Identity = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' };

describe('a signer', () => {
  it('signs host, date, token and body for its service and region', async () => {
    const { signer } = await signerWith(async () => identity);
    const headers = await signer.sign(REQUEST);
    expect(headers).toMatchObject({
      host: 'x.example',
      'x-amz-date': '20261121T120000Z',
      'x-amz-security-token': 'token',
    });
    expect(headers.authorization).toContain('Credential=AKID/20261121/eu-test-1/execute-api/aws4_request');
    const other = await signer.sign({ ...REQUEST, body: Buffer.from('another') });
    expect(other.authorization).not.toBe(headers.authorization);
  });

  it('follows the time of a service that refused it, whatever its own clock says', async () => {
    const { clock, signer } = await signerWith(async () => identity);
    expect(await signer.refused(NOON + 20 * MINUTE)).toBe(true);
    expect((await signer.sign(REQUEST))['x-amz-date']).toBe('20261121T122000Z');
    // The clock is set right meanwhile.
    await clock.advance(20 * MINUTE);
    expect(await signer.refused(NOON + 20 * MINUTE)).toBe(true);
    expect((await signer.sign(REQUEST))['x-amz-date']).toBe('20261121T122000Z');
  });

  it('gets new credentials after a refusal, at most twice a minute', async () => {
    let issued = 0;
    let refreshes = 0;
    const { clock, signer } = await signerWith(async (options) => {
      if (options?.forceRefresh) refreshes++;
      return { ...identity, sessionToken: `token ${issued}` };
    });
    await signer.sign(REQUEST);
    issued++;
    expect(await signer.refused(NOON)).toBe(true);
    expect((await signer.sign(REQUEST))['x-amz-security-token']).toBe('token 1');
    issued++;
    expect(await signer.refused(NOON)).toBe(false);
    expect(refreshes).toBe(1);
    await clock.advance(30_000);
    expect(await signer.refused(NOON + 30_000)).toBe(true);
    await clock.advance(30_000);
    await signer.sign(REQUEST);
    // The same credentials would be refused again.
    expect(await signer.refused(NOON + 60_000)).toBe(false);
    expect(refreshes).toBe(3);
  });

  it('is not confused by a refusal without a time, or credentials that have gone', async () => {
    let isGone = false;
    const { signer } = await signerWith(async () => {
      if (isGone) throw new Error('gone');
      return identity;
    });
    await signer.sign(REQUEST);
    isGone = true;
    expect(await signer.refused(Number.NaN)).toBe(false);
    await expect(signer.sign(REQUEST)).rejects.toThrow('gone');
  });
});

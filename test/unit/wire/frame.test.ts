import { describe, expect, it } from 'vitest';
import { ApiKey, apis } from '../../../lib/wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../../lib/wire/client-frame.ts';
import { encodeResponse, receiveFrame, SIZE_PREFIX_BYTES } from '../../../lib/wire/frame.ts';
import { decodeRequest } from '../../support/decode-request.ts';

const content = (chunks: readonly Buffer[]): Buffer => Buffer.concat(chunks).subarray(SIZE_PREFIX_BYTES);
const body = { topics: null };
const metadata = (version: number): Buffer => content(encodeRequest(ApiKey.Metadata, version, 5, 'me', body));

/** A request frame with nothing behind its header. */
function bare(apiKey: number, apiVersion: number): Buffer {
  const frame = Buffer.alloc(10);
  frame.writeInt16BE(apiKey, 0);
  frame.writeInt16BE(apiVersion, 2);
  frame.writeInt32BE(77, 4);
  frame.writeInt16BE(-1, 8);
  return frame;
}

describe('request frames', () => {
  it('are decoded with their header', () => {
    for (const version of [1, 8, 9, 13]) {
      const outcome = decodeRequest(metadata(version));
      const header = { apiKey: ApiKey.Metadata, apiVersion: version, correlationId: 5, clientId: 'me' };
      expect(outcome).toMatchObject({ kind: 'request', header, body: { topics: null, allowAutoTopicCreation: true } });
      expect(outcome.kind === 'request' && outcome.api).toBe(apis[ApiKey.Metadata]);
    }
  });

  it('of an API without a schema are told apart', () => {
    const header = { apiKey: 4, apiVersion: 1, correlationId: 77, clientId: null };
    expect(decodeRequest(bare(4, 1))).toEqual({ kind: 'unknownApi', header });
    expect(decodeRequest(bare(-1, 1)).kind).toBe('unknownApi');
  });

  it.each([
    ['older than any schema', ApiKey.Produce, 2],
    ['newer than any schema', ApiKey.ApiVersions, 5],
    ['negative', ApiKey.Fetch, -1],
  ])('of a version %s keep their header readable', (_, apiKey, version) => {
    const outcome = decodeRequest(bare(apiKey, version));
    const header = { apiKey, apiVersion: version, correlationId: 77, clientId: null };
    expect(outcome).toEqual({ kind: 'unsupportedVersion', header, api: apis[apiKey] });
  });

  it('of a version that the broker does not serve are not decoded', () => {
    const served = () => 8;
    expect(decodeRequest(metadata(8), served).kind).toBe('request');
    expect(decodeRequest(metadata(9), served).kind).toBe('unsupportedVersion');
  });

  it('that are cut off or invalid are malformed, never an exception', () => {
    const frame = metadata(9);
    for (let length = 0; length < frame.length; length++) {
      expect(decodeRequest(frame.subarray(0, length)).kind).toBe('malformed');
    }
  });

  it('may have bytes behind the body, as librdkafka 2.15.1 sends them where it asks for all topics', () => {
    const sent = Buffer.from('0003000d00000003000772646b61666b610000000000010000', 'hex');
    expect(decodeRequest(sent)).toMatchObject({
      kind: 'request',
      header: { apiKey: ApiKey.Metadata, apiVersion: 13, correlationId: 3, clientId: 'rdkafka' },
      body: { topics: null },
    });
  });

  it('that claim two billion elements are refused at once', () => {
    const head = content(encodeRequest(ApiKey.Metadata, 1, 5, null, { topics: [] })).subarray(0, -4);
    const frame = Buffer.concat([head, Buffer.from('7fffffff', 'hex')]);
    expect(decodeRequest(frame)).toMatchObject({
      kind: 'malformed',
      reason: expect.stringContaining('MetadataRequest v1.topics'),
    });
  });

  it('have a header that can be read alone', () => {
    const header = { apiKey: ApiKey.Metadata, apiVersion: 9, correlationId: 5, clientId: 'me' };
    expect(receiveFrame(metadata(9))).toMatchObject({ kind: 'request', head: header });
    expect(receiveFrame(Buffer.alloc(9)).kind).toBe('malformed');
  });
});

describe('response frames', () => {
  it('begin with their size', () => {
    const chunks = encodeResponse(apis[ApiKey.Heartbeat], 4, 9, { errorCode: 27 });
    const frame = Buffer.concat(chunks);
    expect(frame.readInt32BE(0)).toBe(frame.length - SIZE_PREFIX_BYTES);
    const outcome = decodeResponse(ApiKey.Heartbeat, 4, content(chunks));
    expect(outcome).toEqual({
      kind: 'response',
      correlationId: 9,
      version: 4,
      body: { throttleTimeMs: 0, errorCode: 27 },
    });
  });

  it('carry large records by reference', () => {
    const records = [Buffer.alloc(5000, 1), Buffer.alloc(6000, 2)];
    const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 1, abortedTransactions: null, records };
    const chunks = encodeResponse(apis[ApiKey.Fetch], 4, 1, { responses: [{ topic: 't', partitions: [partition] }] });
    expect(chunks).toContain(records[0]);
    expect(chunks).toContain(records[1]);
    const outcome = decodeResponse(ApiKey.Fetch, 4, content(chunks));
    expect(outcome.kind === 'response' && outcome.body.responses[0]?.partitions[0]?.records).toEqual(
      Buffer.concat(records),
    );
  });

  it('to ApiVersions have the old header, and are understood in version 0 too', () => {
    const apiKeys = [{ apiKey: 18, minVersion: 0, maxVersion: 4 }];
    const flexible = content(encodeResponse(apis[ApiKey.ApiVersions], 4, 1, { errorCode: 0, apiKeys }));
    expect(flexible.subarray(0, 6).toString('hex')).toBe('000000010000');
    expect(decodeResponse(ApiKey.ApiVersions, 4, flexible)).toMatchObject({ kind: 'response', version: 4 });
    const refusal = content(encodeResponse(apis[ApiKey.ApiVersions], 0, 1, { errorCode: 35, apiKeys }));
    expect(decodeResponse(ApiKey.ApiVersions, 4, refusal)).toMatchObject({
      kind: 'response',
      version: 0,
      body: { errorCode: 35, apiKeys },
    });
  });

  it('that are invalid are malformed', () => {
    expect(decodeResponse(ApiKey.Heartbeat, 0, Buffer.alloc(5)).kind).toBe('malformed');
    expect(decodeResponse(ApiKey.ApiVersions, 3, Buffer.alloc(5)).kind).toBe('malformed');
  });
});

import { int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Precedes every request. Flexible requests use version 2. The client id keeps its two-byte length
 * there, so that the header of an ApiVersions request can be read in any version.
 */
export const RequestHeader = message('RequestHeader', '1-2', '2+', {
  requestApiKey: int16(),
  requestApiVersion: int16(),
  correlationId: int32(),
  clientId: string({ nullable: true, flexible: false }),
});

/**
 * The fields that version 2 of the request header adds to version 1: tagged fields, none of them
 * known.
 */
export const RequestHeaderTags = message('RequestHeader', '1-2', '2+', {});

/**
 * Precedes every response. Flexible responses use version 1, except ApiVersions, which always uses
 * version 0.
 */
export const ResponseHeader = message('ResponseHeader', '0-1', '1+', { correlationId: int32() });

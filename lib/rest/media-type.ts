/** Media types; those of v2 as Confluent has them (io.confluent.kafkarest.Versions). */
export const JSON_TYPE = 'application/json';
export const HTML_TYPE = 'text/html';
export const EVENTS_TYPE = 'text/event-stream';
export const V2_TYPE = 'application/vnd.kafka.v2+json';
const V2_EMBEDDED = /^application\/vnd\.kafka\.(binary|json|avro|jsonschema|protobuf)\.v2\+json$/;

export type EmbeddedFormat = 'binary' | 'json' | 'avro' | 'jsonschema' | 'protobuf';

export const EMBEDDED_FORMATS: readonly EmbeddedFormat[] = ['binary', 'json', 'avro', 'jsonschema', 'protobuf'];

/** The media type of v2 with records of this format. */
export function v2TypeOf(format: EmbeddedFormat): string {
  return `application/vnd.kafka.${format}.v2+json`;
}

export const V2_EMBEDDED_TYPES: readonly string[] = EMBEDDED_FORMATS.map(v2TypeOf);

/** The format of the records that a media type of v2 names; undefined if it names none. */
export function embeddedFormatOf(type: string): EmbeddedFormat | undefined {
  return V2_EMBEDDED.exec(type)?.[1] as EmbeddedFormat | undefined;
}

/** The media type of a Content-Type header, without parameters, in lower case. */
export function mediaTypeOf(header: string): string {
  return header.split(';', 1)[0]!.trim().toLowerCase();
}

/**
 * The type to answer with: of those that the route can produce, the one that the client prefers,
 * among equals the first. Undefined if it accepts none (RFC 9110, 12.5.1).
 */
export function acceptedType(accept: string | undefined, produced: readonly string[]): string | undefined {
  if (accept === undefined || accept.trim() === '') return produced[0];
  const ranges = accept.split(',').map(rangeOf);
  let best: { readonly type: string; readonly quality: number } | undefined;
  for (const type of produced) {
    let match: { readonly specificity: number; readonly quality: number } | undefined;
    for (const { range, quality } of ranges) {
      const specificity = specificityOf(range, type);
      if (specificity > (match?.specificity ?? 0)) match = { specificity, quality };
    }
    const quality = match?.quality ?? 0;
    if (quality > (best?.quality ?? 0)) best = { type, quality };
  }
  return best?.type;
}

function rangeOf(part: string): { readonly range: string; readonly quality: number } {
  const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = given === undefined ? 1 : Number(given.slice(2));
  return { range, quality: Number.isFinite(quality) ? quality : 0 };
}

function specificityOf(range: string, type: string): number {
  if (range === type) return 3;
  if (range === `${type.split('/', 1)[0]}/*`) return 2;
  return range === '*/*' ? 1 : 0;
}

/** The type of errors: that of the interface that a path belongs to, whatever the client accepts. */
export function errorTypeOf(path: string): string {
  return /^\/(?:topics|consumers|brokers)(?:\/|$)/.test(path) ? V2_TYPE : JSON_TYPE;
}

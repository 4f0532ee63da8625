import * as v from 'valibot';
import { isPrincipal } from '../../auth/principal.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import type { Advice, Principal } from '../../core/context.ts';

/**
 * The bodies between a gateway and a function: several Kafka frames in one body.
 *
 *   request   1 byte format (1 or 2), 4 bytes length, JSON (`head`), then frames
 *   answer 1  1 byte format, then per frame 1 byte kind, 4 bytes length, bytes
 *   answer 2  1 byte format, then per frame 1 byte kind, 4 bytes length, JSON (`told`), 4 bytes
 *             length, bytes
 *
 * Frames are requests without their 4-byte size, each after a length of 4 bytes. Numbers are
 * big-endian.
 *
 * The head says which answer the gateway reads (`answers`); without it, that is format 1. A gateway
 * that reads format 2 waits itself: no frame waits in the function, `again` comes at once, and the
 * answers tell when it is worth asking again. Each side ignores what it does not know in the JSON of
 * the other, so gateways and functions of different versions serve each other.
 *
 * Format 2 adds the principal of each frame's client. Only a request that carries a principal uses
 * it, so that a gateway without authentication can be newer than its functions. A function that
 * does not know format 2 refuses it: it must not serve a frame with the rights of the gateway
 * instead of the client's.
 */
export const ENVELOPE_CONTENT_TYPE = 'application/vnd.tidelog.frames';

/** The content type of one frame, for a request and for its answer. */
export const FRAME_CONTENT_TYPE = 'application/octet-stream';

/** One frame: its bytes, its client, and the token of an earlier `again`. */
export interface EnvelopeFrame {
  /** The frame without its 4-byte size. */
  readonly frame: Buffer;
  /** The client's address, without the port. */
  readonly host: string;
  /** The token that came with `again`, when a frame is sent again. */
  readonly token?: string | undefined;
  /** The client's principal, if the gateway authenticated one. */
  readonly principal?: Principal | undefined;
}

/** The formats of answers. See ENVELOPE_CONTENT_TYPE. */
export type AnswerFormat = 1 | 2;

export interface RequestEnvelope {
  /** The listener that received the frames. */
  readonly listener: string;
  /** The address that clients of that listener are given. */
  readonly advertised: { readonly host: string; readonly port: number };
  readonly frames: readonly EnvelopeFrame[];
  /** The newest format of answers that the gateway reads. Default: 1. */
  readonly answers?: AnswerFormat;
}

/**
 * - `answer`: the response without its 4-byte size.
 * - `none`: nothing is sent to the client.
 * - `close`: the client's connection has to be closed.
 * - `again`: the request still waits. The gateway sends the same frame with the token again, until
 *   the request's own time is over. `chunks`: the response to a client that waits no longer.
 *
 * `advice` and `chunks` of `again` come in format 2 only.
 */
export type EnvelopeAnswer =
  | { readonly kind: 'answer'; readonly chunks: readonly Buffer[]; readonly advice?: Advice | undefined }
  | { readonly kind: 'none' }
  | { readonly kind: 'close'; readonly reason: string }
  | {
      readonly kind: 'again';
      readonly token: string;
      readonly chunks?: readonly Buffer[] | undefined;
      readonly advice?: Advice | undefined;
    };

/** What format 2 tells of one frame beside its bytes, as JSON. */
export type Told = Advice & { readonly token?: string | undefined };

const FORMAT = 1;
const FORMAT_WITH_PRINCIPALS = 2;

/** The newest format of answers. */
export const FORMAT_WITH_ADVICE = 2;

/** Frames of one flush. A gateway with more frames sends another envelope. */
export const ENVELOPE_FRAMES_MAX = 1_000;

export const KINDS = ['answer', 'none', 'close', 'again'] as const;

const frameHead = v.object({
  host: v.string(),
  token: v.optional(v.string()),
  principal: v.optional(v.custom<Principal>(isPrincipal, 'a principal has to be "User:" and a name')),
});

const head = v.object({
  listener: v.string(),
  advertised: v.object({ host: v.string(), port: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)) }),
  frames: v.pipe(v.array(frameHead), v.maxLength(ENVELOPE_FRAMES_MAX)),
  answers: v.optional(v.number()),
});

export function encodeRequestEnvelope({ listener, advertised, frames, answers }: RequestEnvelope): Buffer {
  const format = frames.some(({ principal }) => principal !== undefined) ? FORMAT_WITH_PRINCIPALS : FORMAT;
  const json = {
    listener,
    advertised,
    answers,
    frames: frames.map(({ host, token, principal }) => ({ host, token, principal })),
  };
  const parts = [Buffer.of(format), ...sized(Buffer.from(JSON.stringify(json)))];
  for (const { frame } of frames) parts.push(...sized(frame));
  return Buffer.concat(parts);
}

/** Frames are views of `body`. Throws MalformedBytesError. */
export function decodeRequestEnvelope(body: Buffer): RequestEnvelope & { readonly answers: AnswerFormat } {
  const reader = new EnvelopeReader(body, FORMAT_WITH_PRINCIPALS);
  let json: unknown;
  try {
    json = JSON.parse(reader.sized().toString());
  } catch (cause) {
    if (cause instanceof MalformedBytesError) throw cause;
    throw new MalformedBytesError('the head of the envelope is not JSON', { cause });
  }
  const parsed = v.safeParse(head, json);
  if (!parsed.success) throw new MalformedBytesError(`the head of the envelope: ${parsed.issues[0].message}`);
  const { listener, advertised, answers = FORMAT } = parsed.output;
  const frames = parsed.output.frames.map(({ host, token, principal }) => ({
    frame: reader.sized(),
    host,
    token,
    // Format 1 ignores the field.
    ...(reader.format === FORMAT_WITH_PRINCIPALS ? { principal } : {}),
  }));
  reader.end();
  return { listener, advertised, frames, answers: answers >= FORMAT_WITH_ADVICE ? FORMAT_WITH_ADVICE : FORMAT };
}

export function encodeAnswerEnvelope(answers: readonly EnvelopeAnswer[], format: AnswerFormat = FORMAT): Buffer {
  const parts: Buffer[] = [Buffer.of(format)];
  for (const answer of answers) {
    parts.push(Buffer.of(KINDS.indexOf(answer.kind)));
    if (format === FORMAT_WITH_ADVICE) parts.push(...sized(Buffer.from(JSON.stringify(toldOf(answer)))));
    parts.push(...sized(...bytesOf(answer, format)));
  }
  return Buffer.concat(parts);
}

function toldOf(answer: EnvelopeAnswer): Told {
  if (answer.kind === 'again') return { ...answer.advice, token: answer.token };
  return answer.kind === 'answer' ? (answer.advice ?? {}) : {};
}

function bytesOf(answer: EnvelopeAnswer, format: AnswerFormat): readonly Buffer[] {
  switch (answer.kind) {
    case 'answer':
      return answer.chunks;
    case 'none':
      return [];
    case 'close':
      return [Buffer.from(answer.reason)];
    case 'again':
      return format === FORMAT ? [Buffer.from(answer.token)] : (answer.chunks ?? []);
  }
}

function sized(...chunks: readonly Buffer[]): Buffer[] {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
  return [size, ...chunks];
}

/** Reads the parts of an envelope in order. All methods throw MalformedBytesError. */
export class EnvelopeReader {
  readonly format: number;
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer, newestFormat: number) {
    this.#body = body;
    this.format = this.byte();
    if (this.format < FORMAT || this.format > newestFormat) {
      throw new MalformedBytesError(`envelope format ${this.format} is unknown to this program`);
    }
  }

  byte(): number {
    const byte = this.#body[this.#at];
    if (byte === undefined) throw new MalformedBytesError('the envelope ends too early');
    this.#at++;
    return byte;
  }

  sized(): Buffer {
    const from = this.#at + 4;
    const to = from <= this.#body.length ? from + this.#body.readUInt32BE(this.#at) : Number.POSITIVE_INFINITY;
    if (to > this.#body.length) throw new MalformedBytesError('the envelope ends too early');
    this.#at = to;
    return this.#body.subarray(from, to);
  }

  end(): void {
    if (this.#at !== this.#body.length) throw new MalformedBytesError('there are bytes behind the envelope');
  }
}

import * as v from 'valibot';
import { MalformedBytesError } from '../../core/bytes.ts';
import { type EnvelopeAnswer, EnvelopeReader, FORMAT_WITH_ADVICE, KINDS, type Told } from './envelope.ts';

const told = v.object({
  token: v.optional(v.string()),
  about: v.optional(v.array(v.string())),
  hasChanged: v.optional(v.boolean()),
  sessionMs: v.optional(v.number()),
  afterMs: v.optional(v.number()),
  withinMs: v.optional(v.number()),
  tails: v.optional(v.array(v.object({ journal: v.string(), seq: v.number() }))),
});

/**
 * The gateway's end of an answer, of either format. Throws MalformedBytesError, also if the number of
 * answers is not `count`.
 */
export function decodeAnswerEnvelope(body: Buffer, count: number): readonly EnvelopeAnswer[] {
  const reader = new EnvelopeReader(body, FORMAT_WITH_ADVICE);
  const answers = Array.from({ length: count }, () => {
    const kind = reader.byte();
    const advice = reader.format === FORMAT_WITH_ADVICE ? toldIn(reader.sized()) : undefined;
    return answerOf(kind, advice, reader.sized());
  });
  reader.end();
  return answers;
}

function toldIn(bytes: Buffer): Told {
  try {
    return v.parse(told, JSON.parse(bytes.toString())) as Told;
  } catch (cause) {
    throw new MalformedBytesError('what the envelope tells of an answer cannot be read', { cause });
  }
}

function answerOf(kind: number, told: Told | undefined, bytes: Buffer): EnvelopeAnswer {
  switch (KINDS[kind]) {
    case 'answer':
      return { kind: 'answer', chunks: [bytes], ...(told && { advice: told }) };
    case 'none':
      return { kind: 'none' };
    case 'close':
      return { kind: 'close', reason: bytes.toString() };
    case 'again': {
      if (told === undefined) return { kind: 'again', token: bytes.toString() };
      const { token = '', ...advice } = told;
      return { kind: 'again', token, advice, ...(bytes.length > 0 && { chunks: [bytes] }) };
    }
    default:
      throw new MalformedBytesError(`the envelope has an answer of the unknown kind ${kind}`);
  }
}

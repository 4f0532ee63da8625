import { isUtf8 } from 'node:buffer';

const REPLACEMENT_CHARACTER = '\ufffd';

/**
 * The text in bytes `start` to `end`. What is not valid UTF-8 becomes U+FFFD, in the same places and as often as Java's
 * `new String(bytes, UTF_8)` has it, so that a group or a topic whose name is not UTF-8 is the same one here and in Kafka.
 */
export function decodeText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('utf8', start, end);
  if (!text.includes(REPLACEMENT_CHARACTER)) return text;
  const bytes = buffer.subarray(start, end);
  return isUtf8(bytes) ? text : replaceSurrogates(bytes).toString('utf8');
}

/**
 * Bytes in which each encoded surrogate (ED A0..BF, and a continuation byte if there is one) is one replacement character:
 * the only sequence that Java and Node count differently. Node makes one character of each of its bytes.
 */
function replaceSurrogates(bytes: Buffer): Buffer {
  const replaced = Buffer.alloc(bytes.length * 2);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0xed && (bytes[at + 1] ?? 0) >> 5 === 0b101) {
      length += replaced.write(REPLACEMENT_CHARACTER, length);
      at += (bytes[at + 2] ?? 0) >> 6 === 0b10 ? 3 : 2;
    } else {
      replaced[length++] = bytes[at++]!;
    }
  }
  return replaced.subarray(0, length);
}

import { isUtf8 } from 'node:buffer';

const REPLACEMENT_CHARACTER = '\ufffd';

/**
 * The text in bytes `start` to `end`. Invalid UTF-8 becomes U+FFFD, at the same positions and in
 * the same number as with Java's `new String(bytes, UTF_8)`, so that a group or topic with such a
 * name has the same name as in Kafka.
 */
export function decodeText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('utf8', start, end);
  if (!text.includes(REPLACEMENT_CHARACTER)) return text;
  const bytes = buffer.subarray(start, end);
  return isUtf8(bytes) ? text : replaceSurrogates(bytes).toString('utf8');
}

/**
 * Replaces each encoded surrogate (ED A0..BF, with its continuation byte if present) by one
 * replacement character. This is the only sequence that Java and Node count differently: Node
 * replaces each of its bytes.
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

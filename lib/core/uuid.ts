import type { Random } from './random.ts';

/**
 * A UUID, such as a topic id: 16 bytes in unpadded base64url, 22 characters, as Kafka's tools print
 * it.
 */
export type Uuid = string;

export const ZERO_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA';

/**
 * A random (version 4) UUID. As in Kafka (Uuid.randomUuid), none begins with '-', so that a command
 * line cannot mistake one for an option.
 */
export function randomUuid(random: Random): Uuid {
  for (;;) {
    const bytes = random.bytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const text = bytes.toString('base64url');
    if (!text.startsWith('-')) return text;
  }
}

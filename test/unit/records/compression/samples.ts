import { seededRandom } from '../../../support/seeded-random.ts';

/** What the golden files of this folder hold. */
export const TIDE = Buffer.from(Array.from({ length: 9000 }, (_, i) => `record ${i % 97} of the tide\n`).join(''));

/** Bytes that do not compress. */
export function noise(length: number): Buffer {
  return seededRandom(length).bytes(length);
}

/** Lines with some repetition, as records mostly are. */
export function lines(length: number): Buffer {
  const random = seededRandom(7);
  let text = '';
  while (text.length < length) {
    const user = Math.floor(random.next() * 1000);
    text += `{"user":"user-${user}","event":"${user % 3 === 0 ? 'view' : 'click'}","at":${Math.floor(random.next() * 1e9)}}\n`;
  }
  return Buffer.from(text.slice(0, length));
}

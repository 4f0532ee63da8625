import fc from 'fast-check';
import { expect, it } from 'vitest';
import { passesSeal } from '../../../lib/segments/passes-seal.ts';

const MIB = 1024 * 1024;

it.each([
  ['just below the size', 0, 64 * MIB - 1, false],
  ['just at the size', 64 * MIB - 1, 64 * MIB, true],
  ['after the size', 64 * MIB, 65 * MIB, false],
  ['past several multiples at once', 1, 640 * MIB, true],
  ['past the next multiple, when nobody has sealed', 127 * MIB, 129 * MIB, true],
  ['a seal, after which there is less', 130 * MIB, 2 * MIB, false],
])('%s', (_, before, after, expected) => {
  expect(passesSeal(before, after, 64 * MIB)).toBe(expected);
});

it('is 8 MiB apart at least, however small segments are', () => {
  expect(passesSeal(0, 8 * MIB - 1, 14)).toBe(false);
  expect(passesSeal(8 * MIB - 1, 8 * MIB, 14)).toBe(true);
});

it('is found once for each multiple, by the writer of one of the entries', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 6 * MIB }), { maxLength: 60 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 8 * MIB, max: 64 * MIB }), (entries, sealBytes) => {
      let bytes = 0;
      let found = 0;
      for (const size of entries) {
        if (passesSeal(bytes, bytes + size, sealBytes)) found++;
        bytes += size;
      }
      expect(found).toBe(Math.floor(bytes / sealBytes));
    }),
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../../lib/storage/item-rules.ts';
import { StoreClock } from '../../../lib/storage/store-clock.ts';
import { SkewedClock, VirtualClock } from '../../support/virtual-clock.ts';

describe('compareKeys', () => {
  it('orders as the bytes of UTF-8 do', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('a', 'b', '\ue000', '\uffff', '\u{1f600}'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
      maxLength: 4,
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});

describe('StoreClock', () => {
  const start = 1_000_000;
  const open = (granularityMs: number) => {
    const world = new VirtualClock(0);
    return { world, clock: new StoreClock(world, granularityMs) };
  };

  it('knows nothing before the first answer, then counts on', async () => {
    const { world, clock } = open(1);
    expect(clock.now()).toBeNaN();
    expect(clock.observe(start, clock.sending())).toBe(start);
    await world.advance(250);
    expect(clock.now()).toBe(start + 250);
  });

  it('keeps a finer estimate than whole seconds tell, and never leaves the second that was told', async () => {
    const { world, clock } = open(1_000);
    clock.observe(start, clock.sending());
    await world.advance(900);
    expect(clock.observe(start, clock.sending())).toBe(start + 900);
    await world.advance(900);
    // The store says that this second has not ended: the estimate ran ahead.
    expect(clock.observe(start, clock.sending())).toBe(start + 999);
    expect(clock.now()).toBe(start + 999);
    expect(clock.observe(start + 5_000, clock.sending())).toBe(start + 5_000);
  });

  it('dates a late answer by when it was given, without losing the present', async () => {
    const { world, clock } = open(1);
    clock.observe(start, clock.sending());
    const sentAt = clock.sending();
    await world.advance(7_200_000);
    expect(clock.observe(start + 1, sentAt)).toBe(start + 1);
    expect(clock.now()).toBe(start + 7_200_000);
  });

  it('does not depend on a local clock that stood still', async () => {
    const world = new VirtualClock(0);
    const local = new SkewedClock(world, 12_345);
    const clock = new StoreClock(local, 1);
    clock.observe(start, clock.sending());
    local.stop();
    await world.advance(3_600_000);
    expect(clock.now()).toBe(start);
    expect(clock.observe(start + 3_600_000, clock.sending())).toBe(start + 3_600_000);
  });
});

import { describe, expect, it } from 'vitest';
import { PlaceOrder } from '../../../lib/kit/place-order.ts';

describe('PlaceOrder', () => {
  it('lets a partition wait for a place, not for the outcome, and no other partition', async () => {
    const order = new PlaceOrder<number>();
    const placed: string[] = [];
    const place = (name: string, partition: number, ready: Promise<void>, outcome = Promise.resolve(name)) =>
      order.place(partition, async () => {
        await ready;
        placed.push(name);
        return { result: outcome };
      });
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const never = new Promise<string>(() => {});
    void place('slow', 0, opened, never);
    const behind = place('behind', 0, Promise.resolve());
    expect(await place('beside', 1, Promise.resolve())).toBe('beside');
    expect(placed).toEqual(['beside']);
    expect([order.isHeld(0), order.isHeld(1), order.idle]).toEqual([true, false, false]);
    open();
    expect(await behind).toBe('behind');
    expect(placed).toEqual(['beside', 'slow', 'behind']);
    expect([order.isHeld(0), order.idle]).toEqual([false, true]);
  });

  it('goes on behind what failed', async () => {
    const order = new PlaceOrder<number>();
    const failed = order.place(0, async () => {
      throw new Error('failed');
    });
    const behind = order.place(0, async () => ({ result: Promise.resolve('behind') }));
    await expect(failed).rejects.toThrow('failed');
    expect(await behind).toBe('behind');
    expect(order.idle).toBe(true);
  });
});

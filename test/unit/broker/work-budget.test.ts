import { expect, it } from 'vitest';
import { WorkBudget } from '../../../lib/broker/work-budget.ts';

it('lets large requests wait for each other, in order, and one that is larger than all pass alone', async () => {
  const budget = new WorkBudget();
  const order: string[] = [];
  expect(budget.take(150_000)).toBeUndefined();
  const second = budget.take(100_000)!.then(() => order.push('second'));
  const third = budget.take(1_000)!.then(() => order.push('third'));
  await Promise.resolve();
  expect(order).toEqual([]);
  budget.release(150_000);
  await Promise.all([second, third]);
  expect(order).toEqual(['second', 'third']);
  budget.release(101_000);
  expect(budget.take(1_000_000)).toBeUndefined();
});

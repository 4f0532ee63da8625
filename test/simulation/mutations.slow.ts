import { describe, expect, it } from 'vitest';
import { catchMutation, SEEDS_MAX } from './catch-mutation.ts';
import { CHECKS, type Check } from './checks.ts';
import { MUTATIONS } from './mutations.ts';

const noticed = new Set<Check>();

describe('the simulation notices when', () => {
  it.each(MUTATIONS.map((mutation) => [mutation.rule, mutation.name, mutation] as const))(
    '%s: %s',
    async (_rule, _name, mutation) => {
      const { seeds, checks } = await catchMutation(mutation, 1);
      expect(seeds[0], `seeds until it is noticed, of ${SEEDS_MAX}`).toBeDefined();
      expect([...checks].some((check) => mutation.checks.includes(check))).toBe(true);
      for (const check of checks) noticed.add(check);
    },
  );

  it('any rule is left out, with each of its checkers', () => {
    const idle = (Object.keys(CHECKS) as Check[]).filter((check) => !noticed.has(check));
    expect(idle).toEqual([]);
  });

  it('knows an edit that does not fit the source', async () => {
    const [mutation] = MUTATIONS;
    const edits = mutation!.edits.map((edit) => ({ ...edit, find: `${edit.find} not in the source` }));
    await expect(catchMutation({ ...mutation!, edits }, 1)).rejects.toThrow('found 0 times');
  });
});

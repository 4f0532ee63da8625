import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RIGHTS } from '../../lib/stacks/rights.ts';
import { FRONT_DOORS, FUNCTION_NAMES, type FunctionName, SMALL_GATEWAY, STAGES } from '../../lib/stacks/stages.ts';

const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/DEPLOY.md'), 'utf8');

/** The cells of the rows that begin with `name`. */
function row(name: string): string[] {
  const line = page.split('\n').find((text) => text.startsWith(`| ${name} |`));
  return line!
    .split('|')
    .slice(2, -1)
    .map((cell) => cell.trim());
}

function listed(actions: readonly string[]): string {
  return actions.map((action) => action.split(':')[1]).join(', ');
}

describe('docs/DEPLOY.md', () => {
  it.each(FUNCTION_NAMES)('says what %s may do', (name: FunctionName) => {
    const { journalTable, stateTable, objects, bucket } = RIGHTS[name];
    expect(row(`\`${name}\``)).toEqual([listed(journalTable), listed(stateTable), listed(objects)]);
    // "Who reads objects may also list the bucket"; the upkeep lists it to find what nobody names.
    expect(bucket.length > 0).toBe(objects.length > 0);
  });

  it('names all stages and front doors', () => {
    const named = (option: string) => [...row(`\`-c ${option}=\``)[0]!.matchAll(/`([a-z]+)`/g)].map(([, name]) => name);
    expect(named('stage')).toEqual(Object.keys(STAGES));
    expect(named('api')).toEqual(FRONT_DOORS);
  });

  it('counts with the gateways that there are by default, and with the schedules of prod', () => {
    const { tasks, cpu, memoryMiB } = SMALL_GATEWAY;
    const virtualCpus = cpu / 1024;
    const gigabytes = memoryMiB / 1024;
    const perHour = tasks * (virtualCpus * 0.03238 + gigabytes * 0.00356);
    expect(row('two tasks on arm64 Fargate')).toEqual([
      `${tasks} x (${virtualCpus} x $0.03238 + ${gigabytes} x $0.00356) = $${perHour}`,
      `$${(perHour * 730).toFixed(2)}`,
    ]);
    const { maintenanceMinutes, sealMinutes } = STAGES.prod;
    for (const [name, minutes] of [
      ['maintain', maintenanceMinutes],
      ['seal', sealMinutes],
    ] as const) {
      const runs = (730 * 60) / minutes;
      expect(page).toContain(`the schedule: ${runs} starts of \`${name}\``);
      expect(row(`the schedule: ${runs} starts of \`${name}\``).at(-1)).toBe(`$${((runs * 1.2) / 1e6).toFixed(4)}`);
    }
  });
});

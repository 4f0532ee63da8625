import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SERVED } from '../../lib/broker/served.ts';
import { TOPIC_CONFIGS } from '../../lib/topics/configs/topic-config-table.ts';
import { apis } from '../../lib/wire/apis.ts';
import { APIS_WITHOUT_SCHEMA } from '../support/kafka-apis.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/COMPATIBILITY.md'), 'utf8');

/** The rows of the table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

function range(min: number, max: number): string {
  return min === max ? String(min) : `${min}-${max}`;
}

describe('docs/COMPATIBILITY.md', () => {
  it('lists the APIs that are served, with their versions', () => {
    const listed = tableUnder('APIs').map(([key, name, answered, advertised]) => [key, name, answered, advertised]);
    const served = [...SERVED].map(([key, { min, max, advertisedMin }]) => [
      String(key),
      apis[key].name,
      range(min, max),
      range(advertisedMin, max),
    ]);
    expect(listed).toEqual(served);
  });

  it('lists every other API of Kafka once, with what a client sees', () => {
    const rows = tableUnder('APIs that are not served');
    for (const row of rows) expect(row.map((cell) => cell !== '')).toEqual([true, true]);
    const listed = rows.flatMap(([named]) => named!.split(', '));
    const notServed = Object.values(apis).filter(({ key }) => !SERVED.has(key));
    const withoutSchema = Object.entries(APIS_WITHOUT_SCHEMA).map(([key, name]) => `${key} ${name}`);
    expect([...listed].sort()).toEqual(
      [...notServed.map(({ key, name }) => `${key} ${name}`), ...withoutSchema].sort(),
    );
  });

  it('lists every topic config once', () => {
    const listed = tableUnder('Topic configs').map(([name]) => name!.replaceAll('`', ''));
    expect([...listed].sort()).toEqual([...TOPIC_CONFIGS.keys()].sort());
  });

  it('says why for every difference', () => {
    const rows = tableUnder('Differences from Kafka');
    expect(rows.length).toBeGreaterThan(10);
    for (const row of rows) {
      expect(row).toHaveLength(2);
      for (const cell of row) expect(cell).not.toBe('');
    }
  });
});

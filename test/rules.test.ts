import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MUTATIONS } from './simulation/mutations.ts';

const ROOT = resolve(import.meta.dirname, '..');
const RULES_PAGE = 'docs/RULES.md';
/** A citation in prose or code; a longer word or number that contains it is none. */
const CITATION = /(?<![\w-])R([1-9]\d?)(?![\w-])/g;

const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');

function filesUnder(folder: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

function citedIn(files: readonly string[]): Set<string> {
  return new Set(files.flatMap((file) => [...textOf(file).matchAll(CITATION)].map(([cited]) => cited)));
}

interface Rule {
  readonly id: string;
  readonly text: string;
  readonly isInForce: boolean;
  readonly mutations: readonly string[];
}

function rulesIn(page: string): Rule[] {
  return page
    .split(/^## (?=R\d)/m)
    .slice(1)
    .map((section) => {
      const listed = /\*\*Mutations:\*\*(.*?)(?:\n\n|$)/s.exec(section)?.[1] ?? '';
      return {
        id: /^R\d+/.exec(section)![0],
        text: section,
        isInForce: !section.includes('**Not in force yet:**'),
        mutations: [...listed.replace(/\s+/g, ' ').matchAll(/"([^"]+)"/g)].map(([, name]) => name!),
      };
    });
}

const rules = rulesIn(textOf(RULES_PAGE));
const code = [...filesUnder('lib', /\.ts$/), ...filesUnder('functions', /\.ts$/)];
const rest = [...filesUnder('test', /\.ts$/), ...filesUnder('docs', /\.md$/)].filter((file) => file !== RULES_PAGE);

describe('the rules', () => {
  it('are R1 to R16, in order', () => {
    expect(rules.map(({ id }) => id)).toEqual(Array.from({ length: 16 }, (_, index) => `R${index + 1}`));
  });

  it('are there when something cites them', () => {
    const known = new Set(rules.map(({ id }) => id));
    expect([...citedIn([...code, ...rest])].filter((id) => !known.has(id))).toEqual([]);
  });

  it('are cited by the code as long as they are in force, and only then', () => {
    const cited = citedIn(code);
    expect(rules.filter(({ id, isInForce }) => isInForce !== cited.has(id)).map(({ id }) => id)).toEqual([]);
  });

  it.each(rules)('$id says what goes wrong without it and where it is enforced', ({ text, isInForce }) => {
    expect(text).toContain('**Without it:**');
    expect(text.includes('**Enforced by:**')).toBe(isInForce);
    expect(text.includes('**Mutations:**')).toBe(isInForce);
  });

  it('list exactly the mutations that leave them out', () => {
    const listed = rules.flatMap(({ id, mutations }) => mutations.map((name) => `${id}: ${name}`));
    const there = MUTATIONS.filter(({ rule }) => /^R\d+$/.test(rule)).map(({ rule, name }) => `${rule}: ${name}`);
    expect(listed.sort()).toEqual(there.sort());
  });

  it('have beside them the mutations of compaction, retention and import', () => {
    const page = textOf(RULES_PAGE).replace(/\s+/g, ' ');
    const own = MUTATIONS.filter(({ rule }) => ['compaction', 'retention', 'import'].includes(rule));
    expect(own.length).toBeGreaterThan(10);
    expect(own.filter(({ name }) => !page.includes(`"${name}"`)).map(({ name }) => name)).toEqual([]);
  });

  it('link to code that has the names they give', () => {
    const links = [...textOf(RULES_PAGE).matchAll(/\[`([^`]+)`\]\(([^)]+)\)/g)];
    expect(links.length).toBeGreaterThan(10);
    const wrong = links.filter(([, name, target]) => {
      const path = relative(ROOT, join(ROOT, dirname(RULES_PAGE), target!)).replaceAll('\\', '/');
      return !path.endsWith(name!) && !new RegExp(`\\b${name}\\b`).test(textOf(path));
    });
    expect(wrong.map(([link]) => link)).toEqual([]);
  });

  it('are the only design that is cited: no comment leads to a page that is not here', () => {
    const pages = new Set(filesUnder('docs', /\.md$/).map((file) => file.replace(/^.*\//, '')));
    const elsewhere = [...code, ...rest].flatMap((file) =>
      [...textOf(file).matchAll(/\b(DESIGN|[A-Z][A-Z_]{3,}\.md)\b/g)]
        .map(([, page]) => page!)
        .filter((page) => !pages.has(page) && !['README.md', 'CHANGELOG.md'].includes(page))
        .map((page) => `${file}: ${page}`),
    );
    expect(elsewhere.filter((line) => !line.startsWith('test/rules.test.ts'))).toEqual([]);
  });
});

describe('a citation', () => {
  it.each([
    ['see rule R5.', ['R5']],
    ['R2 and R13', ['R2', 'R13']],
    ['(R10)', ['R10']],
    ['R2D2, AR5, R100, KIP-R5, R5x', []],
  ])('is found in %j', (text, ids) => {
    expect([...text.matchAll(CITATION)].map(([id]) => id)).toEqual(ids);
  });
});

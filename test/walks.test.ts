import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The walks in docs/ARCHITECTURE.md: numbered steps that begin with a link to a function, each of which passes the request
 * on to the next step, and the functions that a step calls, as links in a list below it. TIDELOG_UPDATE_LINKS=1 rewrites
 * the line numbers first.
 */

const ROOT = resolve(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs/ARCHITECTURE.md');

const WALKS = ['The walk of a produce request', 'The walk of a fetch request'];

/** A stranger can keep so many in mind. */
const ROOMS_MAX = 6;
const FILES_MAX = 20;

/**
 * Where a step gets the next one, or what it calls, by a type that it imports and not by an import of the file itself. The
 * type's file imports the other one, or both have a type in common, at most two imports away.
 */
const INTERFACES: Readonly<Record<string, readonly string[]>> = {
  'lib/broker/frame-handler.ts': ['lib/broker/dispatch.ts'],
  'lib/broker/define-api.ts': ['lib/broker/api/00-produce.ts', 'lib/broker/api/01-fetch.ts'],
  'lib/broker/broker.ts': ['lib/log/log.ts'],
  'lib/log/environment.ts': ['lib/log/partitions.ts', 'lib/cluster/fleet.ts'],
  'lib/log/read-partitions.ts': ['lib/journal/tail.ts'],
  'lib/journal/open-journal.ts': ['lib/journal/writer/writer.ts'],
  'lib/journal/environment.ts': ['lib/journal/wal.ts'],
  'lib/journal/journal.ts': ['lib/storage/dynamodb/table.ts'],
};

const LINK = /\[`([^`]+)`\]\(\.\.\/(lib\/[^)#]+)#L(\d+)\)/g;

interface Link {
  /** As the page has it: a function, or a class with a dot and a method. */
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

interface Step {
  readonly link: Link;
  readonly calls: readonly Link[];
}

const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const functionIn = (name: string) => name.split('.').at(-1)!;
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\#]/g, '\\$&');
const roomOf = (file: string) => file.split('/')[1]!;

/** The line on which a function is declared, from 1; undefined if there is none. */
function declaredAt(text: string, name: string): number | undefined {
  const modifiers = String.raw`(?:export\s+|static\s+|async\s+|get\s+|function\*?\s+|class\s+|const\s+)*`;
  const declaration = new RegExp(`^\\s*${modifiers}${escaped(functionIn(name))}\\s*[(<:=]`);
  const at = text.split('\n').findIndex((line) => declaration.test(line) && !line.endsWith(');'));
  return at < 0 ? undefined : at + 1;
}

function withNewLines(page: string): string {
  return page.replace(LINK, (link, name: string, file: string, line: string) => {
    const at = existsSync(join(ROOT, file)) ? declaredAt(textOf(file), name) : undefined;
    return at === undefined ? link : link.replace(`#L${line}`, `#L${at}`);
  });
}

function linksIn(text: string): Link[] {
  return [...text.matchAll(LINK)].map(([, name, file, line]) => ({ name: name!, file: file!, line: Number(line) }));
}

function stepsOf(page: string, title: string): Step[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? '';
  return section
    .split(/^\d+\. /m)
    .slice(1)
    .map((text) => {
      const [link, ...calls] = linksIn(text);
      if (link === undefined || !text.startsWith(`[\`${link.name}`)) throw new Error(`no link begins step: ${text}`);
      return { link, calls };
    });
}

function importsOf(file: string): Set<string> {
  const found = textOf(file).matchAll(/from\s+'(\.{1,2}\/[^']+)'/g);
  return new Set(
    [...found].map((match) => relative(ROOT, resolve(ROOT, dirname(file), match[1]!)).replaceAll('\\', '/')),
  );
}

/** Whether one file can call a function of another: it imports it, or an interface by which it gets it. */
function reaches(from: string, to: string): boolean {
  if (from === to) return true;
  const imported = importsOf(from);
  return imported.has(to) || [...imported].some((one) => INTERFACES[one]?.includes(to) === true);
}

/** Whether an interface leads to a file, as INTERFACES says. */
function leadsTo(type: string, file: string): boolean {
  const near = new Set([type]);
  for (let hop = 0; hop < 2; hop++) for (const one of [...near]) for (const next of importsOf(one)) near.add(next);
  return near.has(file) || [...importsOf(file)].some((one) => near.has(one));
}

/** Rooms in the order in which the steps come through them. */
function roomsOf(steps: readonly Step[]): string[] {
  const rooms = steps.map(({ link }) => roomOf(link.file));
  return rooms.filter((room, at) => room !== rooms[at - 1]);
}

if (process.env.TIDELOG_UPDATE_LINKS === '1') writeFileSync(PAGE, withNewLines(readFileSync(PAGE, 'utf8')));
const page = readFileSync(PAGE, 'utf8');

describe.each(WALKS)('%s', (title) => {
  const steps = stepsOf(page, title);
  const links = steps.flatMap(({ link, calls }) => [link, ...calls]);

  it('links to the lines of its functions; TIDELOG_UPDATE_LINKS=1 rewrites the numbers', () => {
    const wrong = links.flatMap(({ name, file, line }) => {
      if (!existsSync(join(ROOT, file))) return [`${name}: there is no ${file}`];
      const at = declaredAt(textOf(file), name);
      if (at === undefined) return [`${name}: ${file} does not declare it`];
      return at === line ? [] : [`${name}: ${file}#L${line} is L${at}`];
    });
    expect(wrong).toEqual([]);
  });

  it('stays within its bounds and goes in one direction', () => {
    const rooms = roomsOf(steps);
    expect(rooms).toEqual(['doors', 'broker', 'log', 'journal', 'storage']);
    expect(rooms.length).toBeLessThanOrEqual(ROOMS_MAX);
    expect(new Set(links.map(({ file }) => file)).size).toBeLessThanOrEqual(FILES_MAX);
  });

  it('can be walked: each step reaches the next one, and what it calls', () => {
    const broken = steps.flatMap(({ link, calls }, at) => {
      const next = steps[at + 1]?.link;
      // One that is called may be called by one that is called before it.
      const lost = calls.filter(
        ({ file }, call) => ![link, ...calls.slice(0, call)].some((one) => reaches(one.file, file)),
      );
      if (next !== undefined && !reaches(link.file, next.file)) lost.push(next);
      return lost.map(({ file }) => `${link.file} does not reach ${file}`);
    });
    expect(broken).toEqual([]);
  });
});

it('the interfaces lead to what the steps get through them', () => {
  const wrong = Object.entries(INTERFACES).flatMap(([type, files]) =>
    files.filter((file) => !leadsTo(type, file)).map((file) => `${type} does not lead to ${file}`),
  );
  expect(wrong).toEqual([]);
});

describe('a walk', () => {
  const text = [
    'export function first(a: number): void {',
    '  second(a);',
    '}',
    '  async #second<T>(',
    '  get third(): number {',
  ].join('\n');

  it('finds declarations, not calls', () => {
    expect(declaredAt(text, 'first')).toBe(1);
    expect(declaredAt(text, 'Some.#second')).toBe(4);
    expect(declaredAt(text, 'third')).toBe(5);
    expect(declaredAt(text, 'second')).toBeUndefined();
  });

  it('does not reach a file that nothing joins it to', () => {
    expect(reaches('lib/broker/dispatch.ts', 'lib/journal/writer/writer.ts')).toBe(false);
    expect(reaches('lib/broker/dispatch.ts', 'lib/broker/api/00-produce.ts')).toBe(true);
    expect(leadsTo('lib/broker/frame-handler.ts', 'lib/journal/writer/writer.ts')).toBe(false);
  });
});

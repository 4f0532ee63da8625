import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { moduleStateIn, parseFolder } from './support/module-state.ts';

const LIB = resolve(dirname(fileURLToPath(import.meta.url)), '../lib');

it('no module of lib keeps state outside of an object', () => {
  const found = parseFolder(LIB).flatMap((file) =>
    moduleStateIn(file).map((name) => `${relative(LIB, file.fileName).replaceAll('\\', '/')} ${name}`),
  );
  expect(found).toEqual([]);
});

const STATEFUL = {
  counter: 'let count = 0;',
  old: 'var count = 0;',
  'exported-variable': 'export let count = 0;',
  cache: 'const known = new Map<string, number>();\nexport const add = () => known.set("a", 1);',
  nested: 'const known = new Set();\nexport function add() { for (;;) { if (true) known.add(1); } }',
  queue: 'const queue: number[] = [];\nexport class Queue { add() { queue.push(1); } }',
  index: 'const byName = {};\nexport const add = (name) => { byName[name] = 1; };',
  counts: 'const counts = [0, 0];\nexport const add = (at) => counts[at]++;',
  property: 'const state = { isOpen: false };\nexport const open = () => { state.isOpen = true; };',
  weak: 'const bodies = new WeakMap();\nexport const of = (key) => lookUp(bodies, key);',
  scratch: 'const scratch = Buffer.allocUnsafe(1024);\nexport const read = (from) => decode(from, scratch);',
  array: 'const scratch = new Uint32Array(SIZE);\nexport const read = (from) => decode(from, scratch);',
  field: 'export class One { static #count = 0; }',
};

const STATELESS = {
  constant: 'export const MAX = 5;\nconst NAMES = ["a"];\nexport const first = () => NAMES[0];',
  table:
    'const TABLE = new Uint32Array(256);\nfor (let n = 0; n < 256; n++) TABLE[n] = n;\nexport const at = (n) => TABLE[n];',
  local: 'export function count() { let n = 0; const known = new Map(); known.set(n++, 1); return known; }',
  fields: 'export class One { #count = 0; readonly #known = new Map(); add() { this.#known.set(this.#count++, 1); } }',
  empty: 'const EMPTY = Buffer.alloc(0);\nexport const none = () => EMPTY;',
  filled: 'const BASES = new Uint8Array([1, 2]);\nexport const base = (n) => BASES[n];',
  map: 'const BY_NAME: ReadonlyMap<string, number> = new Map([["a", 1]]);\nexport const of = (name) => BY_NAME.get(name);',
  static: 'export class One { static readonly NAME = "one"; static make() { return new One(); } }',
};

it('state of a module is recognised, constants and tables are not taken for it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidelog-modules-'));
  try {
    for (const [name, text] of Object.entries({ ...STATEFUL, ...STATELESS })) {
      writeFileSync(join(folder, `${name}.ts`), `${text}\nexport {};\n`);
    }
    const found = parseFolder(folder).filter((file) => moduleStateIn(file).length > 0);
    expect(found.map(({ fileName }) => relative(folder, fileName).replace('.ts', '')).sort()).toEqual(
      Object.keys(STATEFUL).sort(),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { openEmbeddedStores } from '../../lib/storage/embedded/embedded-stores.ts';
import type { Item } from '../../lib/storage/ports.ts';
import { programArguments } from '../support/programs.ts';

const SLOTS = 600;

let path: string;
let children: ChildProcess[];

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'tidelog-processes-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(path, { recursive: true, force: true });
});

/** Starts a writer; `lines` are what it prints, the first one says that it waits for `go`. */
function startWriter(name: string, slots: number) {
  const child = spawn(
    process.execPath,
    [...programArguments('test/contract/embedded-writer.ts'), path, name, String(slots)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const nextLine = async () => (await lines.next()).value as string | undefined;
  return { child, nextLine, go: () => child.stdin!.write('go\n') };
}

async function allSlots(): Promise<Item[]> {
  const stores = await openEmbeddedStores({ path, clock: systemClock, random: systemRandom });
  const { items } = await stores.journal.query({ pk: 'slots', consistent: true });
  await stores.close();
  return [...items];
}

it('lets four processes append to one store without gap, double or loss', async () => {
  const writers = ['p1', 'p2', 'p3', 'p4'].map((name) => ({ name, ...startWriter(name, SLOTS) }));
  for (const writer of writers) expect(await writer.nextLine()).toBe('ready');
  for (const writer of writers) writer.go();
  const owners = new Map<number, string>();
  for (const { name, nextLine } of writers) {
    for (const slot of JSON.parse((await nextLine())!) as number[]) {
      expect(owners.has(slot)).toBe(false);
      owners.set(slot, name);
    }
  }
  // Otherwise one ran after the other, and nothing was raced for.
  expect(new Set(owners.values()).size).toBeGreaterThan(1);
  const items = await allSlots();
  expect(items.map((item) => Number(item.sk))).toEqual(Array.from({ length: SLOTS }, (_, slot) => slot));
  for (const [slot, item] of items.entries()) expect(item.nonce).toBe(`${owners.get(slot)}-${slot}`);
});

it('goes on after a process was killed in the middle of its writes', async () => {
  const victim = startWriter('victim', 1_000_000);
  expect(await victim.nextLine()).toBe('ready');
  victim.go();
  const stores = await openEmbeddedStores({ path, clock: systemClock, random: systemRandom });
  let seen = 0;
  while (seen < 50) {
    seen = (await stores.journal.query({ pk: 'slots', consistent: true })).items.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  victim.child.kill('SIGKILL');
  await once(victim.child, 'exit');
  const next = { pk: 'slots', sk: '999999', version: 0, nonce: 'survivor', body: Buffer.alloc(0) };
  expect(await stores.journal.put(next, { kind: 'absent' })).toMatchObject({ kind: 'committed' });
  await stores.close();
  const items = await allSlots();
  const slots = items.slice(0, -1).map((item) => Number(item.sk));
  expect(items.at(-1)).toEqual(next);
  expect(slots).toEqual(slots.map((_, slot) => slot));
  // What was read before the crash is still there.
  expect(slots.length).toBeGreaterThanOrEqual(seen);
});

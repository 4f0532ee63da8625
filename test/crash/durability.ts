import type { TracedCall } from './trace.ts';

const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2']);
const SYNCS = new Set(['fdatasync', 'fsync']);

/** What a flush writes: one LMDB transaction, or an object and then the transaction with the entry that names it. */
export type FlushKind = 'inline' | 'object';

export interface AnswerWindow {
  /** When the request had been read; seconds. */
  readonly requestedAt: number;
  /** The call that writes the answer to the socket. */
  readonly answer: TracedCall;
}

/** The answers on a connection on which one request at a time was made; `client` is its remote address and port. */
export function answerWindows(calls: readonly TracedCall[], client: string): AnswerWindow[] {
  const windows: AnswerWindow[] = [];
  let requestedAt: number | undefined;
  for (const call of calls) {
    if (!call.target.includes(`->${client}]`) || call.result <= 0) continue;
    if (WRITES.has(call.name)) {
      if (requestedAt !== undefined) windows.push({ requestedAt, answer: call });
      requestedAt = undefined;
    } else {
      requestedAt ??= call.start;
    }
  }
  return windows;
}

/**
 * Why an answer went out before the data of its request was durable; empty if it did not.
 *
 * LMDB, as the store opens it, makes a commit durable in two steps: the pages are written and synced by fdatasync, then the
 * meta page is written through a second descriptor that was opened with O_DSYNC, so that this write returns when it is on the
 * disk. An object comes before that: its file is written and synced, gets its name, and the name is synced by an fsync of the
 * directory.
 */
export function findHaste(
  calls: readonly TracedCall[],
  window: AnswerWindow,
  kind: FlushKind,
  payloadBytes: number,
): string[] {
  const within = calls.filter((call) => call.start >= window.requestedAt && call.start < window.answer.start);
  const items = (call: TracedCall) => call.target.endsWith('/items/data.mdb');
  const metaDescriptors = synchronousDescriptors(calls);
  const isMeta = (call: TracedCall) => items(call) && WRITES.has(call.name) && metaDescriptors.has(call.fd);
  const isPages = (call: TracedCall) => items(call) && WRITES.has(call.name) && !metaDescriptors.has(call.fd);

  const meta = within.findLast((call) => isMeta(call) && call.result > 0 && call.end <= window.answer.start);
  if (meta === undefined) return ['no meta page was on the disk before the answer'];
  const sync = within.findLast((call) => SYNCS.has(call.name) && items(call) && call.end <= meta.start);
  if (sync === undefined || sync.result !== 0) return ['the pages were not synced before the meta page was written'];
  const problems: string[] = [];
  const pages = within.filter((call) => isPages(call) && call.start < meta.end);
  if (pages.some((call) => call.end > sync.start)) problems.push('pages were written after their sync had begun');
  const [firstPages] = pages;
  if (firstPages === undefined) return ['no pages were written for this answer'];
  if (kind === 'inline') {
    const written = sum(pages.map((call) => call.result));
    if (written < payloadBytes) problems.push(`${written} bytes were written for a payload of ${payloadBytes}`);
    return problems;
  }
  return [...problems, ...findHasteOfObject(within, firstPages, payloadBytes)];
}

function findHasteOfObject(within: readonly TracedCall[], firstPages: TracedCall, payloadBytes: number): string[] {
  const isObject = (call: TracedCall) => call.target.includes('/blobs/tmp~~/');
  const data = within.filter((call) => isObject(call) && WRITES.has(call.name));
  const written = sum(data.map((call) => call.result));
  if (written < payloadBytes) return [`the object has ${written} bytes for a payload of ${payloadBytes}`];
  const dataEnd = Math.max(...data.map((call) => call.end));
  const sync = within.find((call) => SYNCS.has(call.name) && isObject(call) && call.start >= dataEnd);
  if (sync === undefined || sync.result !== 0) return ['the object was not synced'];
  const named = within.find((call) => call.name.startsWith('rename') && isObject(call) && call.start >= sync.end);
  if (named === undefined || named.result !== 0) return ['the object got its name before it was synced, or never'];
  const isDirectory = (call: TracedCall) => call.target.endsWith('/blobs/wal');
  const directory = within.find((call) => SYNCS.has(call.name) && isDirectory(call) && call.start >= named.end);
  if (directory === undefined || directory.result !== 0) return ["the object's name was not synced"];
  if (firstPages.start < directory.end) return ['the entry was written before its object was durable'];
  return [];
}

/** Descriptors of the data file whose writes return when the bytes are on the disk. */
function synchronousDescriptors(calls: readonly TracedCall[]): ReadonlySet<number> {
  const opened = calls.filter(
    ({ name, target }) => name === 'openat' && target.includes('/items/data.mdb') && /O_D?SYNC/.test(target),
  );
  return new Set(opened.map(({ result }) => result));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

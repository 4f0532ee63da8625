import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Where this machine has text that people wrote; what is missing is passed over. */
const ROOTS = [
  '/var/lib/apt/lists',
  '/usr/share/common-licenses',
  '/usr/share/perl',
  '/usr/lib/python3',
  'node_modules',
];
const TEXT = /(_Packages|_Sources|\.(txt|md|js|cjs|mjs|ts|json|map|py|pm|pl|c|cc|h|html|css|yml)|\/[A-Z][A-Z0-9.-]+)$/;
const FILE_BYTES_MAX = 64 * 1024 * 1024;

export interface RealText {
  readonly bytes: number;
  readonly lines: number;
  readonly files: number;
}

/**
 * Writes at least `bytesMin` bytes of real text to `path`: lines without NUL, none of them empty or longer than
 * `lineBytesMax`. The same on each call as long as the machine stays as it is. Sources are repeated if there are too few.
 */
export function writeRealText(path: string, bytesMin: number, lineBytesMax: number): RealText {
  const out = openSync(path, 'w');
  let bytes = 0;
  let lines = 0;
  let files = 0;
  try {
    while (bytes < bytesMin) {
      const before = bytes;
      for (const file of textFiles()) {
        if (bytes >= bytesMin) break;
        const text = usableLines(readFileSync(file).toString('latin1'), lineBytesMax);
        if (text.length === 0) continue;
        const written = Buffer.from(`${text.join('\n')}\n`, 'latin1');
        writeSync(out, written);
        bytes += written.length;
        lines += text.length;
        files += 1;
      }
      if (bytes === before) throw new Error(`no text in ${ROOTS.join(', ')}`);
    }
  } finally {
    closeSync(out);
  }
  return { bytes, lines, files };
}

function usableLines(text: string, lineBytesMax: number): string[] {
  return text.split('\n').filter((line) => line !== '' && line.length <= lineBytesMax && !line.includes('\0'));
}

function* textFiles(): Generator<string> {
  for (const root of ROOTS) yield* textFilesUnder(root);
}

function* textFilesUnder(folder: string): Generator<string> {
  let entries: ReturnType<typeof readFolder>;
  try {
    entries = readFolder(folder);
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* textFilesUnder(path);
    else if (entry.isFile() && TEXT.test(path) && statSync(path).size <= FILE_BYTES_MAX) yield path;
  }
}

function readFolder(folder: string) {
  return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
}

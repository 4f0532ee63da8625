import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** Signatures, lengths and places of the ZIP format (PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16). */
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;

/** The files of a jar whose names match, by name. */
export function readJar(path: string, wanted: RegExp): Map<string, Buffer> {
  const jar = readFileSync(path);
  let end = jar.length - END_BYTES;
  while (end >= 0 && jar.readUInt32LE(end) !== END_SIGNATURE) end--;
  if (end < 0) throw new Error(`${path} is not a jar`);
  const files = new Map<string, Buffer>();
  let at = jar.readUInt32LE(end + 16);
  for (let left = jar.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = jar.readUInt16LE(at + 28);
    const name = jar.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameLength);
    if (wanted.test(name)) files.set(name, contentOf(jar, at));
    at += ENTRY_BYTES + nameLength + jar.readUInt16LE(at + 30) + jar.readUInt16LE(at + 32);
  }
  return files;
}

function contentOf(jar: Buffer, entry: number): Buffer {
  const local = jar.readUInt32LE(entry + 42);
  const start = local + LOCAL_BYTES + jar.readUInt16LE(local + 26) + jar.readUInt16LE(local + 28);
  const packed = jar.subarray(start, start + jar.readUInt32LE(entry + 20));
  return jar.readUInt16LE(entry + 10) === STORED ? packed : inflateRawSync(packed);
}

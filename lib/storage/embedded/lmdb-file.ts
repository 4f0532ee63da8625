import type { FileHandle } from 'node:fs/promises';

/*
 * The parts of LMDB's file format that show whether a file is complete (mdb.c of the lmdb package:
 * MDB_page_header, MDB_meta, MDB_db, MDB_node). All numbers are little-endian, as on every machine that Node runs on.
 */

const MAGIC = 0xbeefc0de;
const PAGE_HEADER_BYTES = 24;
/** Offsets in the header of a page. */
const FLAGS_AT = 18;
const LOWER_AT = 20;
const BRANCH = 0x01;
const LEAF = 0x02;

/**
 * Offsets in a meta page: magic number, page size, root of the tree of free pages, last page in
 * use, transaction.
 */
const MAGIC_AT = PAGE_HEADER_BYTES;
const PAGE_SIZE_AT = PAGE_HEADER_BYTES + 24;
const FREE_ROOT_AT = PAGE_HEADER_BYTES + 64;
const LAST_PAGE_AT = PAGE_HEADER_BYTES + 120;
const TRANSACTION_AT = PAGE_HEADER_BYTES + 128;
const META_BYTES = PAGE_HEADER_BYTES + 136;

const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** Header of a node: data size or the low part of a page number, flags, key size. */
const NODE_HEADER_BYTES = 8;
const BIG_DATA = 0x01;

/** A tree of free pages is never deeper; a deeper one has pages that point back. */
const DEPTH_MAX = 16;

/** Attempts, as another process may commit meanwhile. */
const ATTEMPTS_MAX = 5;

interface Meta {
  readonly pageBytes: number;
  readonly freeRoot: bigint;
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** Thrown by the reader of the file: the file is damaged. */
class Damage extends Error {}

/**
 * Why an LMDB file that is not empty cannot be opened safely, or undefined for a complete file.
 * LMDB maps the file into memory, and the process is killed when it touches a page that the file
 * lacks. The last pages may be missing where the tree of free pages lists them: they were freed
 * before they were written.
 */
export async function damageOf(file: FileHandle): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    const found = await look(file);
    if (found.damage === undefined) return undefined;
    // Another process may change pages that were free a moment ago.
    const again = await newestMeta(file).catch(() => undefined);
    if (again?.transaction === found.transaction || attempt === ATTEMPTS_MAX) return found.damage;
  }
}

async function look(file: FileHandle): Promise<{ readonly damage?: string; readonly transaction?: bigint }> {
  let transaction: bigint | undefined;
  try {
    const meta = await newestMeta(file);
    transaction = meta.transaction;
    // Pages are on disk before the meta page that names them, so the size is asked for after it was
    // read.
    const { size } = await file.stat();
    const there = BigInt(Math.floor(size / meta.pageBytes));
    if (there > meta.lastPage) return { transaction };
    const free = new Set<bigint>();
    await collectFree(file, meta, meta.freeRoot, there, free, 0);
    for (let page = there; page <= meta.lastPage; page++) {
      if (!free.has(page)) {
        const wanted = (meta.lastPage + 1n) * BigInt(meta.pageBytes);
        return { damage: `it is cut off: it has ${size} bytes of ${wanted}`, transaction };
      }
    }
    return { transaction };
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    return { damage: error.message, ...(transaction === undefined ? {} : { transaction }) };
  }
}

async function newestMeta(file: FileHandle): Promise<Meta> {
  const first = metaIn(await read(file, 0, META_BYTES));
  if (first === undefined) throw new Damage('it is not an LMDB file');
  const second = metaIn(await read(file, first.pageBytes, META_BYTES));
  if (second === undefined) throw new Damage('its second meta page is not one');
  return second.transaction > first.transaction ? second : first;
}

function metaIn(page: Buffer): Meta | undefined {
  const pageBytes = page.readUInt32LE(PAGE_SIZE_AT);
  const isPower = (pageBytes & (pageBytes - 1)) === 0;
  if (page.readUInt32LE(MAGIC_AT) !== MAGIC || !isPower || pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX) {
    return undefined;
  }
  return {
    pageBytes,
    freeRoot: page.readBigUInt64LE(FREE_ROOT_AT),
    lastPage: page.readBigUInt64LE(LAST_PAGE_AT),
    transaction: page.readBigUInt64LE(TRANSACTION_AT),
  };
}

/** Adds the pages from `from` on that the tree of free pages lists below `pageNumber`. */
async function collectFree(
  file: FileHandle,
  meta: Meta,
  pageNumber: bigint,
  from: bigint,
  free: Set<bigint>,
  depth: number,
): Promise<void> {
  if (pageNumber === NO_PAGE) return;
  if (depth > DEPTH_MAX) throw new Damage('its tree of free pages has no end');
  const { pageBytes } = meta;
  const page = await read(file, Number(pageNumber) * pageBytes, pageBytes);
  const flags = page.readUInt16LE(FLAGS_AT);
  const nodes = page.readUInt16LE(LOWER_AT) >> 1;
  for (let index = 0; index < nodes; index++) {
    const at = PAGE_HEADER_BYTES + within(page, PAGE_HEADER_BYTES + 2 * index, 2).readUInt16LE(0);
    const node = within(page, at, NODE_HEADER_BYTES);
    const low = node.readUInt32LE(0);
    const nodeFlags = node.readUInt16LE(4);
    if ((flags & BRANCH) !== 0) {
      await collectFree(file, meta, BigInt(low) | (BigInt(nodeFlags) << 32n), from, free, depth + 1);
    } else if ((flags & LEAF) !== 0) {
      const dataAt = at + NODE_HEADER_BYTES + node.readUInt16LE(6);
      if ((nodeFlags & BIG_DATA) === 0) {
        addList(within(page, dataAt, low), from, free);
      } else {
        const overflow = Number(within(page, dataAt, 8).readBigUInt64LE(0)) * pageBytes + PAGE_HEADER_BYTES;
        addList(await read(file, overflow, low), from, free);
      }
    } else {
      throw new Damage('its tree of free pages has a page that is none');
    }
  }
}

/**
 * A list of free pages: how many numbers follow, then page numbers; a negative number is the length
 * of a run that the next begins.
 */
function addList(list: Buffer, from: bigint, free: Set<bigint>): void {
  const length = Number(within(list, 0, 8).readBigUInt64LE(0));
  for (let index = 1; index <= length; index++) {
    const entry = within(list, 8 * index, 8).readBigInt64LE(0);
    const run = entry < 0n ? -entry : 1n;
    const first = entry < 0n ? within(list, 8 * ++index, 8).readBigInt64LE(0) : entry;
    const end = first + run;
    for (let page = first > from ? first : from; page < end; page++) free.add(page);
  }
}

function within(buffer: Buffer, at: number, bytes: number): Buffer {
  if (at + bytes > buffer.length) throw new Damage('its tree of free pages is damaged');
  return buffer.subarray(at, at + bytes);
}

async function read(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
  if (bytesRead < bytes) throw new Damage(`it is cut off: it ends within the ${bytes} bytes at ${at}`);
  return buffer;
}

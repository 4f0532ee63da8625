import { createHash } from 'node:crypto';

/**
 * How many partition keys the items of REST are spread over: one takes 1,000 writes a second, and a
 * sweep asks each once.
 */
const SHARDS = 4;

/** Where an item of REST is: its names are hashed, because they may have any characters and length. */
export function restKey(family: string, names: readonly string[]): { readonly pk: string; readonly sk: string } {
  const digest = createHash('sha256').update(JSON.stringify(names)).digest();
  return { pk: restPk(family, digest[0]! % SHARDS), sk: digest.toString('base64url') };
}

/** All partition keys of a family. */
export function restPks(family: string): string[] {
  return Array.from({ length: SHARDS }, (_, shard) => restPk(family, shard));
}

function restPk(family: string, shard: number): string {
  return `rest/${family}/${shard.toString(16)}`;
}

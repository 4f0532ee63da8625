import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { quantile, Samples } from './statistics.ts';

export interface BareLoopResult {
  readonly flushesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Appends to one file and calls fdatasync, over and over for `durationMs`: what the disk gives to anybody who makes flushes of
 * these sizes durable one after the other. Blocks the process.
 */
export function bareLoop(directory: string, sizes: readonly number[], durationMs: number): BareLoopResult {
  const path = join(directory, 'bare-loop');
  const bytes = Buffer.alloc(Math.max(1, ...chunked(sizes)), 7);
  const samples = new Samples();
  let total = 0;
  const file = openSync(path, 'w');
  const start = performance.now();
  let now = start;
  for (let index = 0; now - start < durationMs; index++) {
    const size = sizes[index % sizes.length]!;
    for (let at = 0; at < size; ) at += writeSync(file, bytes, at, size - at);
    fdatasyncSync(file);
    const done = performance.now();
    samples.add(done - now);
    now = done;
    total += size;
  }
  closeSync(file);
  unlinkSync(path);
  const seconds = (now - start) / 1000;
  const sorted = samples.sorted();
  return {
    flushesPerSecond: samples.count / seconds,
    bytesPerSecond: total / seconds,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
  };
}

/** Maxima of stretches: a call takes only so many arguments. */
function chunked(sizes: readonly number[]): number[] {
  const maxima: number[] = [];
  for (let at = 0; at < sizes.length; at += 10_000) maxima.push(Math.max(...sizes.slice(at, at + 10_000)));
  return maxima;
}

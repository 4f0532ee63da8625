import type { CallKind } from '../storage/ports.ts';
import type { FrameFunction } from './apis.ts';
import { rowOf, SERVED } from './served.ts';

/** The function that serves an API. `admin` gets APIs that are not served, and refuses them. */
export function functionOf(apiKey: number): FrameFunction {
  return rowOf(apiKey)?.function ?? 'admin';
}

/** The kinds of store calls of all APIs of a function, without duplicates. */
export function callsOf(name: FrameFunction): readonly CallKind[] {
  const rows = [...SERVED.values()].filter((row) => row.function === name);
  return [...new Set(rows.flatMap(({ calls }) => calls))];
}

import type { CallKind } from '../storage/ports.ts';
import type { FrameFunction } from './apis.ts';
import { rowOf, SERVED } from './served.ts';

/** The function that serves an API. `admin` gets whatever is not served, and refuses it. */
export function functionOf(apiKey: number): FrameFunction {
  return rowOf(apiKey)?.function ?? 'admin';
}

/** The store calls of all APIs that a function serves, each once. */
export function callsOf(name: FrameFunction): readonly CallKind[] {
  const rows = [...SERVED.values()].filter((row) => row.function === name);
  return [...new Set(rows.flatMap(({ calls }) => calls))];
}

import { CONTENTION_VARIABLE, measureContention } from './machine.ts';

/** Vitest's global set-up of every project: how busy others keep the machine, before the run adds to it. */
export default function measureMachine(): void {
  process.env[CONTENTION_VARIABLE] ??= String(measureContention());
}

import { inject, vi } from 'vitest';
import { scaled } from './machine.ts';

// Vitest runs this before each test file: the limits of the project, on this machine and now.

declare module 'vitest' {
  interface ProvidedContext {
    /** The limits of a test and of a hook on a quiet machine. */
    limitsMs: { readonly test: number; readonly hook: number };
  }
}

/** When to give up on a value that is polled for and does not come. */
const POLL_MS = 5_000;

const { test, hook } = inject('limitsMs');
vi.setConfig({
  testTimeout: scaled(test),
  hookTimeout: scaled(hook),
  expect: { poll: { timeout: scaled(POLL_MS) } },
});

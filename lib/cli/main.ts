#!/usr/bin/env node
import type { CommandIo } from './command.ts';
import { runCommandLine } from './run.ts';

/** What a terminal has that does not tell its width, or says 0. */
const USUAL_COLUMNS = 80;

const outGone = new AbortController();
/** Those who wait for room on stdout. */
const waiting = new Set<() => void>();

function resume(): void {
  for (const wake of waiting) wake();
  waiting.clear();
}

const io: CommandIo = {
  out: (output) => process.stdout.write(output),
  err: (text) => process.stderr.write(text),
  environment: process.env,
  onStopSignal(callback) {
    process.on('SIGINT', callback).on('SIGTERM', callback);
    return () => process.off('SIGINT', callback).off('SIGTERM', callback);
  },
  onUnhandledRejection(callback) {
    process.on('unhandledRejection', callback);
    return () => process.off('unhandledRejection', callback);
  },
  exit: (code) => process.exit(code),
  // Looked at only by commands that read it: touching stdin opens it.
  get input() {
    return process.stdin;
  },
  outDrained: () =>
    new Promise((resolve) => {
      if (!process.stdout.writableNeedDrain || outGone.signal.aborted) resolve();
      else waiting.add(resolve);
    }),
  outGone: outGone.signal,
  outIsTerminal: process.stdout.isTTY === true,
  ...(process.stderr.isTTY === true && {
    errTerminal: {
      get columns() {
        return process.stderr.columns || USUAL_COLUMNS;
      },
    },
  }),
};

// Whoever reads the output may stop reading, for example `head`; that is no failure.
process.stdout.on('error', () => {
  outGone.abort();
  resume();
});
process.stdout.on('drain', resume);
process.exitCode = await runCommandLine(process.argv.slice(2), io);

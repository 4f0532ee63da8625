#!/usr/bin/env node
import { type CommandIo, EXIT_FAILED, EXIT_OK } from './command.ts';
import { runCommandLine } from './run.ts';

/** What a terminal has that does not tell its width, or says 0. */
const USUAL_COLUMNS = 80;

const outGone = new AbortController();
let outExitCode = EXIT_OK;
/** Output that stdout has not accepted yet. */
let pending = 0;
/** Those who wait until there is none. */
const waiting = new Set<() => void>();

function resume(): void {
  for (const wake of waiting) wake();
  waiting.clear();
}

function outFailed(error: NodeJS.ErrnoException): void {
  // Whoever reads the output may stop reading, for example `head`; that is no failure. A full disk is one.
  if (error.code !== 'EPIPE' && !outGone.signal.aborted) {
    process.stderr.write(`The output cannot be written: ${error.message}.\n`);
    outExitCode = EXIT_FAILED;
  }
  outGone.abort();
  resume();
}

const io: CommandIo = {
  out(output) {
    pending++;
    process.stdout.write(output, (error) => {
      pending--;
      if (error) outFailed(error);
      else if (pending === 0) resume();
    });
  },
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
  outAccepted: () =>
    new Promise((resolve) => {
      if (pending === 0 || outGone.signal.aborted) resolve();
      else waiting.add(resolve);
    }),
  async watchOut() {
    const { watchPipe } = await import('./terminal/pipe-watch.ts');
    return watchPipe(() => outGone.abort());
  },
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

process.stdout.on('error', outFailed);
process.exitCode = (await runCommandLine(process.argv.slice(2), io)) || outExitCode;

#!/usr/bin/env node
import type { CommandIo } from './command.ts';
import { runCommandLine } from './run.ts';
import { StandardOutput } from './terminal/standard-output.ts';

/** The width of a terminal that reports no width, or 0. */
const USUAL_COLUMNS = 80;

const output = new StandardOutput(process.stdout, (problem) => process.stderr.write(`${problem}\n`));

const io: CommandIo = {
  out: (text) => output.write(text),
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
  // A getter, because touching process.stdin opens it: only commands that read it do.
  get input() {
    return process.stdin;
  },
  outAccepted: () => output.accepted(),
  async watchOut() {
    const { watchPipe } = await import('./terminal/pipe-watch.ts');
    return watchPipe(() => output.readerGone());
  },
  outGone: output.gone,
  outIsTerminal: process.stdout.isTTY === true,
  ...(process.stderr.isTTY === true && {
    errTerminal: {
      get columns() {
        return process.stderr.columns || USUAL_COLUMNS;
      },
    },
  }),
};

const exitCode = await runCommandLine(process.argv.slice(2), io);
// Only now is it known whether the last output could be written.
await output.accepted();
process.exitCode = exitCode || output.exitCode;

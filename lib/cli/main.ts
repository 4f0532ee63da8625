#!/usr/bin/env node
import type { CommandIo } from './command.ts';
import { runCommandLine } from './run.ts';

const io: CommandIo = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  environment: process.env,
  onStopSignal(callback) {
    process.on('SIGINT', callback).on('SIGTERM', callback);
    return () => process.off('SIGINT', callback).off('SIGTERM', callback);
  },
  exit: (code) => process.exit(code),
};

// Whoever reads the output may stop reading, for example `head`; that is no failure.
process.stdout.on('error', () => {});
process.exitCode = await runCommandLine(process.argv.slice(2), io);

import { runCommandLine } from '../../../lib/cli/run.ts';

/** The command line in this process, with what it wrote and how to stop it. */
export function runInProcess(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  let out = '';
  let err = '';
  const exits: number[] = [];
  const stops = new Set<() => void>();
  const exitCode = runCommandLine([...args], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    environment,
    onStopSignal(callback) {
      stops.add(callback);
      return () => stops.delete(callback);
    },
    exit: (code) => exits.push(code),
  });
  return {
    exitCode,
    exits,
    stops,
    out: () => out,
    err: () => err,
    signal: () => {
      for (const stop of stops) stop();
    },
  };
}

/** Where the banner says that clients connect. */
export function addressIn(banner: string): { host: string; port: number } {
  const [, host, port] = /Kafka +([^:\s]+):(\d+)\n/.exec(banner)!;
  return { host: host!, port: Number(port) };
}

import { systemClock } from '../core/clock.ts';
import { jsonLogger, type Logger } from '../core/logger.ts';
import { VERSION } from '../core/version.ts';
import { growHeapFreely } from '../run/heap-growth.ts';
import { StartError } from '../run/start-error.ts';
import { type Address, formatAddress } from '../settings/listeners.ts';
import { loadSettings, type Settings } from '../settings/settings.ts';
import { type CommandIo, EXIT_FAILED } from './command.ts';
import { CommandError, usageError } from './failure.ts';
import type { SettingFlags } from './setting-flags.ts';

/** A server that runs until it is closed. */
export interface Running {
  close(): Promise<void>;
}

/**
 * Starts a server, shows its banner, and runs until SIGINT or SIGTERM; then finishes the requests
 * in progress. A second signal ends the process at once. An unhandled rejection is logged and the
 * process continues: it affects one background operation, and acknowledged records are in the
 * store. Throws CommandError.
 */
export async function serve<Started extends Running>(
  io: CommandIo,
  logger: Logger,
  start: () => Promise<Started>,
  banner: (started: Started) => string,
): Promise<void> {
  growHeapFreely();
  // From here on, a signal shuts down in order, even while the store is being opened.
  const stop = listenForStop(io);
  const ignoreRejections = io.onUnhandledRejection?.((reason) => {
    const message = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    logger.log('error', { event: 'unhandled_rejection', message });
  });
  try {
    const started = await start();
    io.out(banner(started));
    await stop.requested;
    io.out('\nStopping: requests in progress are finished first. Ctrl-C again stops at once.\n');
    await started.close();
  } catch (error) {
    const message = error instanceof StartError ? error.message : `Tidelog failed: ${messageOf(error)}`;
    throw new CommandError(message, { cause: error });
  } finally {
    stop.ignore();
    ignoreRejections?.();
  }
}

/** The settings and a logger of their level. Throws CommandError with one line for each problem. */
export function loadToServe(
  io: CommandIo,
  { configFile, values }: SettingFlags,
): { readonly settings: Settings; readonly logger: Logger } {
  const loaded = loadSettings({ configFile, flags: values, environment: io.environment });
  if (loaded.kind === 'invalid') throw usageError(loaded.problems.join('\n'));
  const { settings } = loaded;
  const logger = jsonLogger(systemClock, settings.logLevel, (line) => io.err(line));
  for (const reason of loaded.warnings) logger.log('warn', { event: 'setting_ignored', reason });
  return { settings, logger };
}

/**
 * The text that `dev` and `gateway` show when they are ready: addresses, the given rows, and how to
 * try it.
 */
export function readyBanner(
  { bootstrapServers, monitoring }: { readonly bootstrapServers: string; readonly monitoring: Address | undefined },
  rows: Readonly<Record<string, string>>,
): string {
  const shown = {
    Kafka: bootstrapServers,
    ...rows,
    ...(monitoring && { Metrics: `http://${formatAddress(monitoring)}/metrics, and /healthz` }),
  };
  const width = Math.max(...Object.keys(shown).map(({ length }) => length));
  const lines = Object.entries(shown).map(([name, value]) => `  ${name.padEnd(width)}  ${value}\n`);
  return (
    `Tidelog ${VERSION} is ready.\n\n${lines.join('')}\n` +
    'Any Kafka client works; with kcat, in another terminal:\n\n' +
    `  echo hello | kcat -P -b ${bootstrapServers} -t greetings\n` +
    `  kcat -C -b ${bootstrapServers} -t greetings\n\n` +
    'Ctrl-C stops it.\n'
  );
}

function listenForStop(io: CommandIo): { requested: Promise<void>; ignore: () => void } {
  let signals = 0;
  let ignore = () => {};
  const requested = new Promise<void>((resolve) => {
    ignore = io.onStopSignal(() => {
      signals++;
      if (signals > 1) io.exit(EXIT_FAILED);
      resolve();
    });
  });
  return { requested, ignore };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

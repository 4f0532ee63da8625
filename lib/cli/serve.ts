import { systemClock } from '../core/clock.ts';
import { jsonLogger, type Logger } from '../core/logger.ts';
import { growHeapFreely } from '../run/heap-growth.ts';
import { StartError } from '../run/start-error.ts';
import { type Address, formatAddress } from '../settings/listeners.ts';
import { loadSettings, type Settings, type SettingsSources } from '../settings/settings.ts';
import { type CommandIo, EXIT_FAILED, EXIT_OK } from './command.ts';
import { programVersion } from './version.ts';

/** What runs until it is told to stop. */
export interface Running {
  close(): Promise<void>;
}

/**
 * Starts something, shows its banner, and runs until SIGINT or SIGTERM; then finishes what is in progress. A second signal ends at
 * once. A rejection that nobody handles is logged and ends nothing: it is of one piece of work in the background, and what is
 * acknowledged is in the store. Returns the exit code.
 */
export async function serve<Started extends Running>(
  io: CommandIo,
  logger: Logger,
  start: () => Promise<Started>,
  banner: (started: Started) => string,
): Promise<number> {
  growHeapFreely();
  // From here on a signal means an orderly end, also one that comes while the store is being opened.
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
    return EXIT_OK;
  } catch (error) {
    io.err(error instanceof StartError ? `${error.message}\n` : `Tidelog failed: ${messageOf(error)}\n`);
    return EXIT_FAILED;
  } finally {
    stop.ignore();
    ignoreRejections?.();
  }
}

/** Settings and the logger that they ask for; undefined if they are wrong, which is told then. */
export function loadToServe(
  io: CommandIo,
  sources: Omit<SettingsSources, 'environment'>,
): { readonly settings: Settings; readonly logger: Logger } | undefined {
  const loaded = loadSettings({ ...sources, environment: io.environment });
  if (loaded.kind === 'invalid') {
    for (const problem of loaded.problems) io.err(`${problem}\n`);
    return undefined;
  }
  const { settings } = loaded;
  const logger = jsonLogger(systemClock, settings.logLevel, (line) => io.err(line));
  for (const reason of loaded.warnings) logger.log('warn', { event: 'setting_ignored', reason });
  return { settings, logger };
}

/** What `dev` and `gateway` show when they are ready: addresses, what is behind them, and what to do with it. */
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
    `Tidelog ${programVersion()} is ready.\n\n${lines.join('')}\n` +
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

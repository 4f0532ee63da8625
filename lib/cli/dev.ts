import { resolve } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { jsonLogger } from '../core/logger.ts';
import { growHeapFreely } from '../runtime/heap-growth.ts';
import { readFlags } from '../runtime/settings/flags.ts';
import { settingsHelp } from '../runtime/settings/help.ts';
import { formatAddress } from '../runtime/settings/listeners.ts';
import { loadSettings, type Settings } from '../runtime/settings/settings.ts';
import { StartError, startTidelog, type Tidelog } from '../runtime/start.ts';
import { type Command, type CommandIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './command.ts';
import { programVersion } from './version.ts';

/** `tidelog dev`: runs until SIGINT or SIGTERM, then finishes what is in progress. A second signal ends at once. */
export const dev: Command = async (args, io) => {
  const flags = readFlags(args);
  if (flags.kind === 'help') {
    io.out(help());
    return EXIT_OK;
  }
  if (flags.kind === 'usage') {
    io.err(`${flags.message} tidelog dev --help lists all flags.\n`);
    return EXIT_USAGE;
  }
  const loaded = loadSettings({ configFile: flags.configFile, environment: io.environment, flags: flags.values });
  if (loaded.kind === 'invalid') {
    for (const problem of loaded.problems) io.err(`${problem}\n`);
    return EXIT_USAGE;
  }
  const { settings } = loaded;
  const logger = jsonLogger(systemClock, settings.logLevel, (line) => io.err(line));
  for (const reason of loaded.warnings) logger.log('warn', { event: 'setting_ignored', reason });

  growHeapFreely();
  // From here on a signal means an orderly end, also one that comes while the store is being opened.
  const stop = listenForStop(io);
  try {
    const tidelog = await startTidelog({ settings, logger });
    io.out(banner(tidelog, settings));
    await stop.requested;
    io.out('\nStopping: requests in progress are finished first. Ctrl-C again stops at once.\n');
    await tidelog.close();
    return EXIT_OK;
  } catch (error) {
    io.err(error instanceof StartError ? `${error.message}\n` : `Tidelog failed: ${messageOf(error)}\n`);
    return EXIT_FAILED;
  } finally {
    stop.ignore();
  }
};

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

function banner({ bootstrapServers, clusterId, monitoring }: Tidelog, settings: Settings): string {
  const metrics = monitoring && `  Metrics  http://${formatAddress(monitoring)}/metrics, and /healthz\n`;
  return (
    `Tidelog ${programVersion()} is ready.\n\n` +
    `  Kafka    ${bootstrapServers}\n` +
    `  Store    ${storeLine(settings)}\n` +
    `  Cluster  ${clusterId}\n${metrics ?? ''}\n` +
    'Any Kafka client works; with kcat, in another terminal:\n\n' +
    `  echo hello | kcat -P -b ${bootstrapServers} -t greetings\n` +
    `  kcat -C -b ${bootstrapServers} -t greetings\n\n` +
    'Ctrl-C stops it.\n'
  );
}

function storeLine(settings: Settings): string {
  switch (settings.store) {
    case 'embedded':
      return `embedded, in ${resolve(settings.dataDir)}`;
    case 'memory':
      return 'in memory, gone when this process ends';
    case 'aws':
      return `DynamoDB ${settings.journalTable} and ${settings.stateTable}, S3 ${settings.bucket}`;
  }
}

function help(): string {
  return (
    'Runs Tidelog on this machine: a Kafka address over a folder, nothing else needed.\n\n' +
    `Usage: tidelog dev [flags]\n\n${settingsHelp()}\n` +
    'Logs are JSON lines on stderr. Exit codes: 0 stopped in order, 1 failed, 2 wrong flags or settings.\n'
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { startTidelog, type Tidelog } from '../run/start.ts';
import { readFlags } from '../settings/flags.ts';
import { settingsHelp } from '../settings/help.ts';
import type { Settings } from '../settings/settings.ts';
import { type Command, type CommandIo, EXIT_OK, EXIT_USAGE } from './command.ts';
import { takePort } from './dev-port.ts';
import type { Command as Program } from './program.ts';
import { loadToServe, readyBanner, serve } from './serve.ts';
import { serveProgram } from './serve-program.ts';
import { storeLine } from './store-line.ts';

/** `tidelog dev`: runs until SIGINT or SIGTERM, then finishes what is in progress. A second signal ends at once. */
export const dev: Command = async (args, io) => {
  const port = takePort(args);
  const flags = port.kind === 'usage' ? port : readFlags(port.args);
  if (flags.kind === 'help') {
    io.out(help());
    return EXIT_OK;
  }
  if (flags.kind === 'usage') {
    io.err(`${flags.message} tidelog dev --help lists all flags.\n`);
    return EXIT_USAGE;
  }
  const loaded = loadToServe(io, { configFile: flags.configFile, flags: flags.values });
  if (loaded === undefined) return EXIT_USAGE;
  const { settings, logger } = loaded;

  return serve(
    io,
    logger,
    () => startTidelog({ settings, logger }),
    (tidelog) => banner(tidelog, settings),
  );
};

export function devProgram(io: CommandIo): Program {
  return serveProgram('dev', io, [['--port <n>', 'the port on 127.0.0.1']]);
}

function banner({ bootstrapServers, clusterId, monitoring }: Tidelog, settings: Settings): string {
  return readyBanner({ bootstrapServers, monitoring }, { Store: storeLine(settings), Cluster: clusterId });
}

function help(): string {
  return (
    'Runs Tidelog on this machine: a Kafka address over a folder, nothing else needed.\n\n' +
    'Usage: tidelog dev [flags]\n\n' +
    '  --port N\n      The port on 127.0.0.1, 9092 by default: short for --listeners PLAINTEXT://127.0.0.1:N.\n' +
    `${settingsHelp()}\n` +
    'Logs are JSON lines on stderr. Exit codes: 0 stopped in order, 1 failed, 2 wrong flags or settings.\n'
  );
}

import type { Tidelog } from '../run/start.ts';
import type { Settings } from '../settings/settings.ts';
import type { CommandIo } from './command.ts';
import { type Command, newProgram, Option } from './program.ts';
import { loadToServe, readyBanner, serve } from './serve.ts';
import { addSettingFlags, type SettingFlags, withSettingsHelp } from './setting-flags.ts';
import { storeLine } from './store-line.ts';

const PORT_MAX = 65_535;

/** `tidelog dev`: runs until SIGINT or SIGTERM, then finishes the requests in progress. */
export function devProgram(io: CommandIo): Command {
  const program = newProgram('dev', 'Runs Tidelog on this machine.', io);
  const flags = addDevFlags(program);
  program.action(async () => {
    const { settings, logger } = loadToServe(io, flags);
    const { startTidelog } = await import('../run/start.ts');
    await serve(
      io,
      logger,
      () => startTidelog({ settings, logger }),
      (tidelog) => banner(tidelog, settings),
    );
  });
  return withSettingsHelp(program, HELP, '0 stopped in order, 1 failed, 2 wrong flags or settings.');
}

/** Adds the settings' flags and `--port N`, short for `--listeners PLAINTEXT://127.0.0.1:N`. */
export function addDevFlags(program: Command): SettingFlags {
  const flags = addSettingFlags(program);
  const port = new Option('--port [n]', 'the port on 127.0.0.1')
    .preset('')
    .conflicts(['listeners', 'tidelogListeners']);
  port.argParser((text: string, before: string | undefined) => {
    if (before !== undefined) program.error('--port is short for --listeners: give one of them, once.');
    if (!/^\d{1,5}$/.test(text) || Number(text) > PORT_MAX) {
      program.error(`--port takes a number from 0 to ${PORT_MAX}; 0 for any free one.`);
    }
    flags.values.set('listeners', { text: `PLAINTEXT://127.0.0.1:${text}`, source: '--port' });
    return text;
  });
  program.addOption(port);
  return flags;
}

function banner({ bootstrapServers, clusterId, monitoring }: Tidelog, settings: Settings): string {
  return readyBanner({ bootstrapServers, monitoring }, { Store: storeLine(settings), Cluster: clusterId });
}

const HELP =
  'Runs Tidelog on this machine: a Kafka address over a folder, nothing else needed.\n\n' +
  'Usage: tidelog dev [flags]\n\n' +
  '  --port N\n      The port on 127.0.0.1, 9092 by default: short for --listeners PLAINTEXT://127.0.0.1:N.\n';

import type { Tidelog } from '../run/start.ts';
import { formatAddress } from '../settings/listeners.ts';
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
      () => startTidelog({ settings, logger, restFallback: restAddress(settings) }),
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

/** Confluent's port; any free one where Kafka clients get any free one too. */
const REST_PORT = 8082;

function restAddress({ listeners }: Settings) {
  return { host: '127.0.0.1', port: listeners.every(({ port }) => port === 0) ? 0 : REST_PORT };
}

function banner({ bootstrapServers, clusterId, monitoring, rest }: Tidelog, settings: Settings): string {
  const rows = {
    ...(rest && { REST: `http://${formatAddress(rest)}` }),
    Store: storeLine(settings),
    Cluster: clusterId,
  };
  return readyBanner({ bootstrapServers, monitoring }, rows);
}

const HELP =
  'Runs Tidelog on this machine: a Kafka address and a REST address over a folder, nothing else needed.\n\n' +
  'Usage: tidelog dev [flags]\n\n' +
  '  --port N\n      The port on 127.0.0.1, 9092 by default: short for --listeners PLAINTEXT://127.0.0.1:N.\n\n' +
  "REST (Confluent's REST Proxy v3 and v2) is on http://127.0.0.1:8082; --rest-listeners says where, or none.\n";

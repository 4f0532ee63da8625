/// <reference lib="esnext.disposable" preserve="true" />
import { systemClock } from './core/clock.ts';
import { jsonLogger, type LogFields, type Logger, type LogLevel, silentLogger } from './core/logger.ts';
import { startTidelog as startProcess } from './run/start.ts';
import { StartError } from './run/start-error.ts';
import { formatAddress } from './settings/listeners.ts';
import { readSettings, type Settings } from './settings/settings.ts';

export { type LogFields, type Logger, type LogLevel, StartError };

/** What may be said about a Tidelog inside a program; all of it may be left out. */
export interface TidelogOptions {
  /**
   * Where the log lives. Default: `embedded` if a folder is given, else `memory`, which is gone
   * with `close`.
   */
  readonly store?: 'memory' | 'embedded' | 'aws';
  /** The folder of the embedded store; made if it is not there. */
  readonly dataDir?: string;
  /** The port on 127.0.0.1 that Kafka clients connect to. Default: any free one. */
  readonly port?: number;
  /**
   * Further settings by Kafka's names, as in a server.properties file: `{ 'num.partitions': '3' }`.
   */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * Gets the log lines. Default: nothing is logged, or JSON lines on stderr where
   * `tidelog.log.level` is set.
   */
  readonly logger?: Logger;
}

/** A running Tidelog. */
export interface Tidelog {
  /** What Kafka clients take as bootstrap.servers: 'host:port', several separated by commas. */
  readonly bootstrapServers: string;
  readonly clusterId: string;
  /**
   * Where /metrics and /healthz are, 'http://host:port'; undefined unless `tidelog.metrics.port` is
   * set.
   */
  readonly monitoringUrl: string | undefined;
  /**
   * Lets requests in progress finish (up to 8 s), then closes everything. Further calls wait for
   * the first.
   */
  close(): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts Tidelog inside this program, by default with an empty store in memory: for test suites and
 * small tools. Several may run side by side. Nothing of the process is changed: no signal handlers,
 * no V8 flags, no environment. Rejects with StartError, whose message says what is wrong and what
 * to do; nothing is left running then.
 */
export async function startTidelog(options: TidelogOptions = {}): Promise<Tidelog> {
  const settings = settingsFrom(options);
  const tidelog = await startProcess({ settings, logger: options.logger ?? defaultLogger(options, settings) });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= tidelog.close();
    return closing;
  };
  return {
    bootstrapServers: tidelog.bootstrapServers,
    clusterId: tidelog.clusterId,
    monitoringUrl: tidelog.monitoring && `http://${formatAddress(tidelog.monitoring)}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The names of the setting that `dataDir` stands for. */
const FOLDER_KEYS = ['tidelog.data.dir', 'log.dirs', 'log.dir'];

function settingsFrom({ store, dataDir, port, settings = {} }: TidelogOptions): Settings {
  const hasFolder = dataDir !== undefined || FOLDER_KEYS.some((key) => key in settings);
  const own: Record<string, string> = { 'tidelog.store': store ?? (hasFolder ? 'embedded' : 'memory') };
  if (dataDir !== undefined) own['tidelog.data.dir'] = dataDir;
  if (port !== undefined || !('listeners' in settings)) own.listeners = `PLAINTEXT://127.0.0.1:${port ?? 0}`;
  const chosenBySettings = store === undefined && dataDir === undefined && 'tidelog.store' in settings;
  if (chosenBySettings) delete own['tidelog.store'];
  const twice = Object.keys(own).filter((key) => key in settings);
  if (twice.length > 0) {
    throw new StartError(`${twice.join(' and ')} cannot be set both by an option and in settings; leave one out.`);
  }
  const outcome = readSettings({ ...settings, ...own });
  if (outcome.kind === 'invalid') throw new StartError(outcome.problems.join(' '));
  return outcome.settings;
}

function defaultLogger({ settings = {} }: TidelogOptions, { logLevel }: Settings): Logger {
  if (!('tidelog.log.level' in settings)) return silentLogger;
  return jsonLogger(systemClock, logLevel, (line) => process.stderr.write(line));
}

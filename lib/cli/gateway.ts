import { systemClock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { readVia, type Via } from '../doors/tunnel/via.ts';
import { type FlagsOutcome, readFlags } from '../settings/flags.ts';
import { settingsHelp } from '../settings/help.ts';
import { flagOf, SETTING_NAMES } from '../settings/keys.ts';
import type { SettingField } from '../settings/schema.ts';
import type { Settings } from '../settings/settings.ts';
import { type Command, type CommandIo, EXIT_OK, EXIT_USAGE } from './command.ts';
import type { Command as Program } from './program.ts';
import { loadToServe, readyBanner, serve } from './serve.ts';
import { serveProgram } from './serve-program.ts';
import { storeLine } from './store-line.ts';

/** What `tidelog gateway` was asked for, beside the settings. */
type Mode =
  | { readonly kind: 'via'; readonly via: Via }
  | { readonly kind: 'direct' }
  | { readonly kind: 'usage'; readonly message: string };

interface OwnFlags {
  readonly via: string | undefined;
  readonly isDirect: boolean;
  readonly allowHttp: boolean;
  /** The flags that are settings. */
  readonly rest: readonly string[];
}

/** Settings that a tunnel goes by; all others are the functions' own. */
const TUNNEL_SETTINGS: ReadonlySet<SettingField> = new Set([
  'listeners',
  'advertisedListeners',
  'listenerSecurityProtocolMap',
  'allowAnonymous',
  'socketRequestMaxBytes',
  'connectionsMaxIdleMs',
  'maxConnections',
  'maxConnectionsPerIp',
  'queuedMaxRequestBytes',
  'profile',
  'lingerMs',
  'metricsPort',
  'metricsHost',
  'logLevel',
]);

/** `tidelog gateway`: a Kafka address whose log is on AWS, by way of functions (`--via`) or directly (`--direct`). */
export const gateway: Command = async (args, io) => {
  const own = ownFlags(args);
  const flags = readFlags(own.rest);
  if (flags.kind === 'help') {
    io.out(help());
    return EXIT_OK;
  }
  const mode = modeOf(own, flags);
  if (mode.kind === 'usage' || flags.kind === 'usage') {
    const message = mode.kind === 'usage' ? mode.message : (flags as { message: string }).message;
    io.err(`${message} tidelog gateway --help lists all flags.\n`);
    return EXIT_USAGE;
  }
  const values = new Map(flags.values);
  // A tunnel opens no store: what the environment says of one must not keep it from starting.
  values.set(
    'store',
    mode.kind === 'direct' ? { text: 'aws', source: '--direct' } : { text: 'memory', source: '--via' },
  );
  const loaded = loadToServe(io, { configFile: flags.configFile, flags: values });
  if (loaded === undefined) return EXIT_USAGE;
  const { settings, logger } = loaded;
  return mode.kind === 'via' ? tunnel(mode.via, settings, logger, io) : direct(settings, logger, io);
};

export function gatewayProgram(io: CommandIo): Program {
  return serveProgram('gateway', io, [
    ['--via <where>', 'sends requests to functions'],
    ['--direct', 'works on the tables and the bucket itself'],
    ['--allow-http', 'takes http:// in --via for other machines'],
  ]);
}

/** Engine and stores are not loaded for a tunnel. */
async function tunnel(via: Via, settings: Settings, logger: Logger, io: CommandIo): Promise<number> {
  const { startTunnel } = await import('../run/start-tunnel.ts');
  if (proxyOf(io.environment) !== undefined) {
    const reason = 'a proxy is named in the environment; requests to functions do not go through it';
    logger.log('warn', { event: 'proxy_ignored', reason });
  }
  return serve(
    io,
    logger,
    () => startTunnel({ settings, via, region: io.environment.AWS_REGION || undefined, logger }),
    (started) => {
      const { target, notAllowed } = started;
      const without = notAllowed.length > 0 && { Without: `${notAllowed.join(', ')}: the credentials may not call it` };
      return readyBanner(started, { Via: target, ...without });
    },
  );
}

async function direct(settings: Settings, logger: Logger, io: CommandIo): Promise<number> {
  const [{ startTidelog }, { checkAws }] = await Promise.all([
    import('../run/start.ts'),
    import('../run/check-aws.ts'),
  ]);
  return serve(
    io,
    logger,
    async () => {
      await checkAws(settings, systemClock);
      return startTidelog({ settings, logger });
    },
    (started) => readyBanner(started, { Store: storeLine(settings), Cluster: started.clusterId }),
  );
}

/** Takes `--via X`, `--via=X`, `--direct` and `--allow-http` out of the arguments. */
function ownFlags(args: readonly string[]): OwnFlags {
  const rest: string[] = [];
  let via: string | undefined;
  let isDirect = false;
  let allowHttp = false;
  for (let at = 0; at < args.length; at++) {
    const argument = args[at]!;
    if (argument === '--via') via = args[at + 1]?.startsWith('-') === false ? args[++at] : '';
    else if (argument.startsWith('--via=')) via = argument.slice('--via='.length);
    else if (argument === '--direct') isDirect = true;
    else if (argument === '--allow-http') allowHttp = true;
    else rest.push(argument);
  }
  return { via, isDirect, allowHttp, rest };
}

function modeOf({ via, isDirect, allowHttp }: OwnFlags, flags: FlagsOutcome): Mode {
  if (via === undefined && !isDirect) {
    return usage('Say where the log is: --via for functions, --direct for DynamoDB and S3.');
  }
  if (via !== undefined && isDirect) return usage('--via and --direct exclude each other; give one of them.');
  if (flags.kind !== 'flags') return { kind: 'direct' };
  if (via === undefined) {
    const store = flags.values.get('store')?.text;
    if (store !== undefined && store !== 'aws') {
      return usage(`--direct is the store aws, not ${store}; tidelog dev has the others.`);
    }
    return allowHttp ? usage('--allow-http belongs to --via.') : { kind: 'direct' };
  }
  for (const [field, { source }] of flags.values) {
    if (TUNNEL_SETTINGS.has(field)) continue;
    return usage(`${source} has no effect with --via: the functions have settings of their own.`);
  }
  const read = readVia(via, allowHttp);
  return read.kind === 'via' ? read : usage(read.problem);
}

function usage(message: string): Mode {
  return { kind: 'usage', message };
}

function proxyOf(environment: CommandIo['environment']): string | undefined {
  return environment.HTTPS_PROXY ?? environment.https_proxy ?? environment.HTTP_PROXY ?? environment.http_proxy;
}

function help(): string {
  const tunnelFlags = SETTING_NAMES.filter(({ field }) => TUNNEL_SETTINGS.has(field)).map(
    ({ key }) => `--${flagOf(key)}`,
  );
  return (
    'Gives Kafka clients an address on this machine whose log is on AWS.\n\n' +
    'Usage: tidelog gateway --via WHERE [flags]\n' +
    '       tidelog gateway --direct --journal-table NAME --state-table NAME --bucket NAME [flags]\n\n' +
    '  --via WHERE\n' +
    '      Sends requests to the functions of a Service stack, signed with your AWS credentials. WHERE is one of\n' +
    '        https://...      the output ApiUrl; requests go to POST WHERE/kafka/FUNCTION\n' +
    '        lambda:PREFIX    the functions PREFIX-produce, -fetch, -coordinate and -admin, by Lambda invoke\n' +
    '        produce=URL,fetch=URL,coordinate=URL,admin=URL      function URLs\n' +
    '  --direct\n' +
    '      Works on the tables and the bucket of a State stack itself; needs no function.\n' +
    '  --allow-http\n' +
    '      Takes http:// in --via for other machines. Whoever listens on the way can read every record.\n\n' +
    'Credentials are found as the AWS SDK does it: variables, AWS_PROFILE, single sign-on, the role of a container or\n' +
    'an instance. The region comes from the address, from AWS_REGION or from the profile. Proxies are not used.\n\n' +
    'Examples:\n\n' +
    '  tidelog gateway --via https://abc123.execute-api.eu-west-1.amazonaws.com\n' +
    '  AWS_PROFILE=dev tidelog gateway --via lambda:tidelog --listeners PLAINTEXT://127.0.0.1:9094\n' +
    '  tidelog gateway --direct --journal-table tidelog-journal --state-table tidelog-state --bucket tidelog-123\n\n' +
    `With --via these flags count: ${tunnelFlags.join(', ')}.\nWith --direct all do:\n\n${settingsHelp()}\n` +
    'Logs are JSON lines on stderr. Exit codes: 0 stopped in order, 1 failed (credentials, rights, addresses, tables, ports),\n' +
    '2 wrong flags or settings.\n'
  );
}

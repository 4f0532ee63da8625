import { systemClock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { readVia, type Via } from '../doors/tunnel/via.ts';
import { flagOf, SETTING_NAMES } from '../settings/keys.ts';
import type { SettingField } from '../settings/schema.ts';
import type { Settings } from '../settings/settings.ts';
import type { CommandIo } from './command.ts';
import { type Command, newProgram, Option } from './program.ts';
import { loadToServe, readyBanner, serve } from './serve.ts';
import { addSettingFlags, type SettingFlags, withSettingsHelp } from './setting-flags.ts';
import { storeLine } from './store-line.ts';

interface OwnFlags {
  readonly via?: string;
  readonly direct?: true;
  readonly allowHttp?: true;
}

/** The settings that a tunnel uses; the functions have all others. */
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
  'journalTable',
  'metricsPort',
  'metricsHost',
  'logLevel',
]);

const EXIT_CODES =
  '0 stopped in order, 1 failed (credentials, rights, addresses, tables, ports),\n2 wrong flags or settings.';

/**
 * `tidelog gateway`: a Kafka endpoint whose log is on AWS, through functions (`--via`) or directly
 * (`--direct`).
 */
export function gatewayProgram(io: CommandIo): Command {
  const program = newProgram('gateway', 'Gives Kafka clients an address whose log is on AWS.', io)
    .addOption(new Option('--via [where]', 'sends requests to functions').preset('').conflicts('direct'))
    .option('--direct', 'works on the tables and the bucket itself')
    .option('--allow-http', 'takes http:// in --via for other machines');
  const flags = addSettingFlags(program);
  program.action(async (own: OwnFlags) => {
    const via = viaOf(program, own, flags);
    // A tunnel opens no store, so a store in the environment must not keep it from starting.
    const store = via === undefined ? { text: 'aws', source: '--direct' } : { text: 'memory', source: '--via' };
    flags.values.set('store', store);
    const { settings, logger } = loadToServe(io, flags);
    if (via === undefined) await direct(settings, logger, io);
    else await tunnel(via, settings, logger, io);
  });
  return withSettingsHelp(program, helpBeforeSettings(), EXIT_CODES);
}

/**
 * Where the functions are; undefined with `--direct`. Ends the program if the flags contradict each
 * other.
 */
function viaOf(program: Command, { via, direct, allowHttp }: OwnFlags, { values }: SettingFlags): Via | undefined {
  if (via === undefined && !direct) {
    program.error('Say where the log is: --via for functions, --direct for DynamoDB and S3.');
  }
  if (via === undefined) {
    const store = values.get('store')?.text;
    if (store !== undefined && store !== 'aws') {
      program.error(`--direct is the store aws, not ${store}; tidelog dev has the others.`);
    }
    if (allowHttp) program.error('--allow-http belongs to --via.');
    return undefined;
  }
  for (const [field, { source }] of values) {
    if (TUNNEL_SETTINGS.has(field)) continue;
    program.error(`${source} has no effect with --via: the functions have settings of their own.`);
  }
  const read = readVia(via, allowHttp === true);
  return read.kind === 'via' ? read.via : program.error(read.problem);
}

/** Does not load the engine and the stores. */
async function tunnel(via: Via, settings: Settings, logger: Logger, io: CommandIo): Promise<void> {
  const { startTunnel } = await import('../run/start-tunnel.ts');
  if (proxyOf(io.environment) !== undefined) {
    const reason = 'a proxy is named in the environment; requests to functions do not go through it';
    logger.log('warn', { event: 'proxy_ignored', reason });
  }
  await serve(
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

async function direct(settings: Settings, logger: Logger, io: CommandIo): Promise<void> {
  const [{ startTidelog }, { checkAws }] = await Promise.all([
    import('../run/start.ts'),
    import('../run/check-aws.ts'),
  ]);
  await serve(
    io,
    logger,
    async () => {
      await checkAws(settings, systemClock);
      return startTidelog({ settings, logger });
    },
    (started) => readyBanner(started, { Store: storeLine(settings), Cluster: started.clusterId }),
  );
}

function proxyOf(environment: CommandIo['environment']): string | undefined {
  return environment.HTTPS_PROXY ?? environment.https_proxy ?? environment.HTTP_PROXY ?? environment.http_proxy;
}

function helpBeforeSettings(): string {
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
    '      Allows http:// in --via for other machines. The network in between can read every record.\n\n' +
    'Credentials are found as the AWS SDK does it: variables, AWS_PROFILE, single sign-on, the role of a container or\n' +
    'an instance. The region comes from the address, from AWS_REGION or from the profile. Proxies are not used.\n\n' +
    'Examples:\n\n' +
    '  tidelog gateway --via https://abc123.execute-api.eu-west-1.amazonaws.com\n' +
    '  AWS_PROFILE=dev tidelog gateway --via lambda:tidelog --listeners PLAINTEXT://127.0.0.1:9094\n' +
    '  tidelog gateway --direct --journal-table tidelog-journal --state-table tidelog-state --bucket tidelog-123\n\n' +
    `With --via these flags count: ${tunnelFlags.join(', ')}.\nWith --direct all do:\n\n`
  );
}

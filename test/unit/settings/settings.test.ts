import { mkdtempSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newProgram } from '../../../lib/cli/program.ts';
import { addSettingFlags } from '../../../lib/cli/setting-flags.ts';
import { settingsHelp } from '../../../lib/settings/help.ts';
import { flagOf, SETTING_NAMES, settingsBy, variableOf } from '../../../lib/settings/keys.ts';
import { loadSettings, type Settings } from '../../../lib/settings/settings.ts';
import { settingsOf } from '../../support/settings.ts';
import { silentIo } from '../cli/silent-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidelog-settings-'));

function fileWith(content: string): string {
  const path = join(folder, 'server.properties');
  writeFileSync(path, content);
  return path;
}

/** Loads from flags, and from variables and a file when given. */
function load(args: string[], environment: Record<string, string> = {}, configFile?: string) {
  const program = newProgram('dev', '', silentIo());
  const flags = addSettingFlags(program);
  program.parse(args, { from: 'user' });
  return loadSettings({ flags: flags.values, environment, configFile: configFile ?? flags.configFile });
}

function valid(...sources: Parameters<typeof load>): Settings {
  const outcome = load(...sources);
  if (outcome.kind === 'invalid') throw new Error(outcome.problems.join('\n'));
  return outcome.settings;
}

function problems(...sources: Parameters<typeof load>): readonly string[] {
  const outcome = load(...sources);
  return outcome.kind === 'invalid' ? outcome.problems : [];
}

describe('settings', () => {
  it("have Kafka's defaults", () => {
    expect(settingsOf({})).toMatchObject({
      listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, advertised: undefined }],
      nodeId: 0,
      store: 'embedded',
      numPartitions: 1,
      autoCreateTopicsEnable: true,
      messageMaxBytes: 1_048_588,
      socketRequestMaxBytes: 104_857_600,
      connectionsMaxIdleMs: 600_000,
      fetchMaxBytes: 57_671_680,
      logMessageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      logMessageTimestampAfterMaxMs: 3_600_000,
      logRetentionMs: 604_800_000,
      logRetentionBytes: -1,
      logCleanupPolicy: ['delete'],
      inlineMaxBytes: 4096,
    });
    expect(settingsOf({}).lingerMs).toBeUndefined();
  });

  it('come from a file, before it from variables, before both from flags', () => {
    const path = fileWith('num.partitions=2\nnode.id=2\nmessage.max.bytes=2000\nlog.dirs=/from/file\n');
    const environment = { TIDELOG_NUM_PARTITIONS: '3', TIDELOG_NODE_ID: '3', OTHER: 'x' };
    const settings = valid(['--num-partitions=4', '--config', path], environment);
    expect(settings).toMatchObject({ numPartitions: 4, nodeId: 3, messageMaxBytes: 2000, dataDir: '/from/file' });
  });

  it('go by the names of each source', () => {
    expect([variableOf('tidelog.linger.ms'), flagOf('tidelog.linger.ms')]).toEqual(['TIDELOG_LINGER_MS', 'linger-ms']);
    expect([variableOf('num.partitions'), flagOf('num.partitions')]).toEqual([
      'TIDELOG_NUM_PARTITIONS',
      'num-partitions',
    ]);
    expect(valid(['--tidelog-linger-ms', '7']).lingerMs).toBe(7);
    expect(valid([], { TIDELOG_LINGER_MS: '8' }).lingerMs).toBe(8);
    // Throws if two settings share a name.
    for (const nameOf of [variableOf, flagOf]) expect(settingsBy(nameOf).size).toBeGreaterThan(SETTING_NAMES.length);
  });

  it('take auto or a number for the journals of a topic', () => {
    expect(valid([]).journals).toBe('auto');
    expect(valid(['--tidelog-journals', ' auto ']).journals).toBe('auto');
    expect(valid(['--tidelog-journals', '64']).journals).toBe(64);
  });

  it.each([
    [['--log-retention-minutes', '2'], 120_000],
    [['--log-retention-hours', '1'], 3_600_000],
    [['--log-retention-hours', '1', '--log-retention-minutes', '3', '--log-retention-ms', '5'], 5],
    [['--log-retention-hours', '-1'], -1],
  ])('read retention from %j', (args, ms) => {
    expect(valid(args).logRetentionMs).toBe(ms);
  });

  it.each([
    [[], 604_800_000],
    [['--log-roll-hours', '2'], 7_200_000],
    [['--log-roll-hours', '2', '--log-roll-ms', '5'], 5],
  ])('read the age of segments from %j', (args, ms) => {
    expect(valid(args).logRollMs).toBe(ms);
  });

  it.each([
    [
      ['--num-partitions', 'many'],
      'num.partitions: "many" (from --num-partitions) is wrong; allowed is a whole number from 1 to 10000.',
    ],
    [['--num-partitions', '0'], 'allowed is a whole number from 1 to 10000.'],
    [['--inline-max-bytes', '32769'], 'allowed is a whole number from 0 to 32768.'],
    [['--log-retention-ms', '0'], 'allowed is a whole number from 1 up, or -1 for no limit.'],
    [['--log-cleaner-min-cleanable-ratio', '1.5'], 'allowed is a number from 0 to 1.'],
    ...['0', '65', '-1', 'AUTO', 'auto8', ''].map((value): [string[], string] => [
      ['--tidelog-journals', value],
      'is wrong; allowed is auto, or a whole number from 1 to 64.',
    ]),
    [['--log-level', 'loud'], 'allowed is one of debug, info, warn, error.'],
    [['--delete-topic-enable=maybe'], 'allowed is true or false.'],
    [['--log-cleanup-policy', 'delete,shred'], 'allowed is a list, separated by commas, of delete, compact.'],
    [['--node-id', '12345678901234567890123'], 'node.id'],
    [['--bucket', ''], 'allowed is a text that is not empty.'],
    [['--data-dir', '/a,/b'], 'tidelog.data.dir: one folder is used'],
  ])('refuse %j', (args, problem) => {
    expect(problems(args)).toEqual([expect.stringContaining(problem)]);
  });

  it('name the source of every wrong value', () => {
    const path = fileWith('# comment\nnum.partitions=x\n');
    expect(problems([], { TIDELOG_NODE_ID: '-5' }, path)).toEqual([
      expect.stringContaining('node.id: "-5" (from TIDELOG_NODE_ID)'),
      expect.stringContaining(`num.partitions: "x" (from ${path}:2)`),
    ]);
  });

  it('say what the store aws needs', () => {
    expect(problems(['--store', 'aws', '--bucket', 'b'])).toEqual([
      'tidelog.journal.table: the store aws needs it.',
      'tidelog.state.table: the store aws needs it.',
    ]);
  });

  it('warn of names that nobody knows, and go on', () => {
    const path = fileWith('num.partition=3\nzookeeper.connect=localhost\n');
    const outcome = load([], { TIDELOG_NODEID: '3' }, path);
    expect(outcome).toMatchObject({
      kind: 'settings',
      warnings: [
        `There is no setting num.partition (${path}:1); it is ignored. Did you mean num.partitions?`,
        `There is no setting zookeeper.connect (${path}:2); it is ignored.`,
        'There is no setting TIDELOG_NODEID (the environment); it is ignored. Did you mean TIDELOG_NODE_ID?',
      ],
    });
  });

  it('do not warn of the variable that tells the command line where the cluster is', () => {
    expect(load([], { TIDELOG_BOOTSTRAP_SERVERS: 'a:9092' })).toMatchObject({ kind: 'settings', warnings: [] });
  });

  it('tell when the file cannot be read', () => {
    expect(problems(['--config', '/does/not/exist'])).toEqual([
      'The settings file /does/not/exist cannot be read (ENOENT).',
    ]);
  });

  it('are all in the help text, with flag, key, variable and default', () => {
    const help = settingsHelp();
    for (const { key, help: text, fallback } of SETTING_NAMES) {
      expect(help).toContain(`--${flagOf(key)} `);
      expect(help).toContain(`In a file: ${key}. As a variable: ${variableOf(key)}.`);
      expect(help).toContain(fallback === undefined ? text : `${text} Default: ${fallback}.`);
    }
  });
});

describe('listeners', () => {
  it.each([
    [['--listeners', 'PLAINTEXT://localhost:0'], [{ host: 'localhost', port: 0, advertised: undefined }]],
    [['--listeners', 'plaintext://[::1]:9092'], [{ name: 'PLAINTEXT', host: '::1', port: 9092 }]],
    [
      [
        '--listeners',
        'PLAINTEXT://0.0.0.0:9092',
        '--allow-anonymous',
        '--advertised-listeners',
        'PLAINTEXT://kafka.example:19092',
      ],
      [{ host: '0.0.0.0', port: 9092, advertised: { host: 'kafka.example', port: 19092 } }],
    ],
    [
      ['--listeners', 'PLAINTEXT://:9092', '--allow-anonymous'],
      [{ host: '', advertised: { host: hostname(), port: 9092 } }],
    ],
    [['--listeners', 'PLAINTEXT://0.0.0.0:0', '--allow-anonymous'], [{ advertised: { host: hostname(), port: 0 } }]],
    [
      [
        '--listeners',
        'IN://127.0.0.1:1,OUT://127.0.0.1:2',
        '--listener-security-protocol-map',
        'IN:PLAINTEXT,OUT:PLAINTEXT',
      ],
      [{ name: 'IN' }, { name: 'OUT' }],
    ],
  ])('are read from %j', (args, listeners) => {
    expect(valid(args)).toMatchObject({ listeners });
  });

  it.each([
    [['--listeners', '127.0.0.1:9092'], 'is no listener; write NAME://HOST:PORT'],
    [['--listeners', 'PLAINTEXT://127.0.0.1:70000'], 'is no listener'],
    [['--listeners', 'PLAINTEXT://h:1,PLAINTEXT://h:2'], 'two listeners are called PLAINTEXT'],
    [['--listeners', 'FOO://127.0.0.1:1'], 'FOO has no protocol; add FOO:PLAINTEXT'],
    [['--listeners', 'SSL://127.0.0.1:1'], 'SSL asks for SSL, which is not served'],
    [['--listeners', 'SASL_SSL://127.0.0.1:1'], 'SASL_SSL asks for SASL_SSL, which is not served'],
    [['--listeners', 'PLAINTEXT://0.0.0.0:9092'], 'listens on every interface, where other machines reach it'],
    [['--listeners', 'PLAINTEXT://:9092'], 'pass --allow-anonymous'],
    [['--listeners', 'PLAINTEXT://10.0.0.1:9092'], 'listens on 10.0.0.1, where other machines reach it'],
    [['--advertised-listeners', 'PLAINTEXT://0.0.0.0:9092'], 'needs a host that clients can reach; "0.0.0.0" is none'],
    [['--advertised-listeners', 'PLAINTEXT://h:0'], 'needs a port that clients can reach'],
    [['--advertised-listeners', 'OTHER://h:1'], 'OTHER is no listener; there is PLAINTEXT'],
    [['--listener-security-protocol-map', 'PLAINTEXT=PLAINTEXT'], 'is not of the form NAME:PROTOCOL'],
    [
      ['--listeners', 'A://127.0.0.1:1,B://127.0.0.1:1', '--listener-security-protocol-map', 'A:PLAINTEXT,B:PLAINTEXT'],
      'each listener needs a port of its own',
    ],
  ])('are refused for %j', (args, problem) => {
    expect(problems(args)).toEqual([expect.stringContaining(problem)]);
  });
});

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import * as v from 'valibot';
import { SETTING_NAMES, type SettingName, settingsBy, variableOf } from './keys.ts';
import { type Address, type Listener, readListeners } from './listeners.ts';
import { nearest } from './nearest.ts';
import { parseProperties } from './properties.ts';
import { readRestListener } from './rest-listener.ts';
import { type RawSettings, type SettingField, settingsSchema } from './schema.ts';

/**
 * The settings of a process. Durations in ms, sizes in bytes; -1 means no limit where Kafka defines
 * it as such.
 */
export type Settings = Omit<
  RawSettings,
  | 'listeners'
  | 'advertisedListeners'
  | 'listenerSecurityProtocolMap'
  | 'logRetentionMs'
  | 'logRetentionMinutes'
  | 'logRetentionHours'
  | 'logRollMs'
  | 'logRollHours'
  | 'restListeners'
  | 'restAllowOrigin'
> & {
  readonly listeners: readonly Listener[];
  /** Where REST is served; undefined if it is not, or not said. */
  readonly restListener: Address | undefined;
  /** `*` for all. */
  readonly restAllowedOrigins: readonly string[];
  /** From log.retention.ms, else .minutes, else .hours; -1 for unlimited. */
  readonly logRetentionMs: number;
  /** From log.roll.ms, else .hours. */
  readonly logRollMs: number;
  /** The texts of the settings that do not have their defaults. */
  readonly given: ReadonlyMap<SettingField, string>;
};

export type SettingsOutcome =
  | { readonly kind: 'settings'; readonly settings: Settings; readonly warnings: readonly string[] }
  /**
   * One sentence per problem, each with the key, where its value came from, and what is allowed.
   */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** A value as text from a source; `source` completes "... from". */
export interface GivenValue {
  readonly text: string;
  readonly source: string;
}

export type GivenValues = ReadonlyMap<SettingField, GivenValue>;

export interface SettingsSources {
  /** Path of a server.properties file. */
  readonly configFile?: string | undefined;
  /** Variables whose names begin with TIDELOG_ are used. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly flags?: GivenValues;
}

const MS_PER_MINUTE = 60_000;
const MS_PER_HOUR = 60 * MS_PER_MINUTE;
const VARIABLE_PREFIX = 'TIDELOG_';

/** Variables that only the command line's clients read (lib/cli/client). */
const CLIENT_VARIABLES = ['TIDELOG_BOOTSTRAP_SERVERS'];

const SETTINGS_BY_KEY = settingsBy((key) => key);
const SETTINGS_BY_VARIABLE = settingsBy(variableOf);

/**
 * Reads the settings from a file, then variables, then flags. A later source overrides an earlier
 * one.
 */
export function loadSettings(sources: SettingsSources): SettingsOutcome {
  const warnings: string[] = [];
  const given = new Map<SettingField, GivenValue>();
  if (sources.configFile !== undefined) {
    const problem = readConfigFile(sources.configFile, given, warnings);
    if (problem !== undefined) return { kind: 'invalid', problems: [problem] };
  }
  readVariables(sources.environment ?? {}, given, warnings);
  for (const [field, value] of sources.flags ?? []) given.set(field, value);
  return resolve(given, warnings);
}

/**
 * Settings from values by key, with defaults for the rest, for callers that start Tidelog from
 * code. Unlike in a file or a variable, an unknown key is a problem. A setting given under two of
 * its names is also a problem.
 */
export function readSettings(values: Readonly<Record<string, string>>): SettingsOutcome {
  const given = new Map<SettingField, GivenValue>();
  const problems: string[] = [];
  for (const [key, text] of Object.entries(values)) {
    const setting = SETTINGS_BY_KEY.get(key);
    if (setting === undefined) problems.push(`There is no setting ${key}.${didYouMean(key, SETTINGS_BY_KEY.keys())}`);
    else if (typeof text !== 'string') problems.push(`${key}: the value has to be a text, as in a file.`);
    else if (given.has(setting.field)) problems.push(`${key}: this setting is given twice, by two of its names.`);
    else given.set(setting.field, { text, source: 'the program' });
  }
  return problems.length > 0 ? { kind: 'invalid', problems } : resolve(given, []);
}

function readConfigFile(path: string, given: Map<SettingField, GivenValue>, warnings: string[]): string | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    return `The settings file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? error}).`;
  }
  for (const { key, value, line } of parseProperties(content)) {
    const setting = SETTINGS_BY_KEY.get(key);
    if (setting === undefined) warnings.push(unknownName(key, `${path}:${line}`, SETTINGS_BY_KEY.keys()));
    else given.set(setting.field, { text: value, source: `${path}:${line}` });
  }
  return undefined;
}

function readVariables(
  environment: Readonly<Record<string, string | undefined>>,
  given: Map<SettingField, GivenValue>,
  warnings: string[],
): void {
  for (const [name, text] of Object.entries(environment)) {
    if (text === undefined || !name.startsWith(VARIABLE_PREFIX) || CLIENT_VARIABLES.includes(name)) continue;
    const setting = SETTINGS_BY_VARIABLE.get(name);
    if (setting === undefined) warnings.push(unknownName(name, 'the environment', SETTINGS_BY_VARIABLE.keys()));
    else given.set(setting.field, { text, source: name });
  }
}

function unknownName(name: string, where: string, candidates: Iterable<string>): string {
  return `There is no setting ${name} (${where}); it is ignored.${didYouMean(name, candidates)}`;
}

function didYouMean(name: string, candidates: Iterable<string>): string {
  const suggestion = nearest(name, candidates);
  return suggestion === undefined ? '' : ` Did you mean ${suggestion}?`;
}

function resolve(given: GivenValues, warnings: readonly string[]): SettingsOutcome {
  const texts = Object.fromEntries([...given].map(([field, { text }]) => [field, text]));
  const parsed = v.safeParse(settingsSchema, texts);
  if (!parsed.success) {
    const problems = parsed.issues.map((issue) => wrongValue(issue, given));
    return { kind: 'invalid', problems: [...new Set(problems)] };
  }
  const raw = parsed.output;
  const outcome = readListeners(raw, hostname);
  const rest = readRestListener(raw);
  const problems = [
    ...(outcome.kind === 'invalid' ? outcome.problems : []),
    ...(rest.kind === 'invalid' ? rest.problems : []),
    ...crossProblems(raw),
    ...fleetProblems(raw, given.has('nodeId')),
  ];
  if (outcome.kind === 'invalid' || rest.kind === 'invalid' || problems.length > 0)
    return { kind: 'invalid', problems };
  const { advertisedListeners, listenerSecurityProtocolMap, logRetentionMinutes, logRetentionHours, ...others } = raw;
  const { logRollHours, restListeners, restAllowOrigin, ...kept } = others;
  const settings = {
    ...kept,
    listeners: outcome.listeners,
    restListener: rest.address,
    restAllowedOrigins: (restAllowOrigin ?? '')
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
    logRetentionMs: retentionMs(raw),
    logRollMs: raw.logRollMs ?? logRollHours * MS_PER_HOUR,
    given: new Map([...given].map(([field, { text }]) => [field, text])),
  };
  return { kind: 'settings', settings, warnings };
}

function wrongValue(issue: v.BaseIssue<unknown>, given: GivenValues): string {
  const field = issue.path?.[0]?.key as SettingField;
  const { key } = SETTING_NAMES.find((setting: SettingName) => setting.field === field)!;
  const value = given.get(field);
  return `${key}: "${value?.text ?? ''}" (from ${value?.source ?? 'the defaults'}) is wrong; allowed is ${issue.message}.`;
}

/** Problems that concern several settings. */
function crossProblems(raw: RawSettings): string[] {
  return [...storeProblems(raw), ...groupProblems(raw)];
}

function storeProblems(raw: RawSettings): string[] {
  if (raw.store !== 'aws') {
    return raw.dataDir.includes(',') ? ['tidelog.data.dir: one folder is used; give one instead of a list.'] : [];
  }
  const needed: [string | undefined, string][] = [
    [raw.journalTable, 'tidelog.journal.table'],
    [raw.stateTable, 'tidelog.state.table'],
    [raw.bucket, 'tidelog.bucket'],
  ];
  return needed.flatMap(([value, key]) => (value === undefined ? [`${key}: the store aws needs it.`] : []));
}

/** Kafka's rules among the settings of groups (GroupCoordinatorConfig). */
function groupProblems(raw: RawSettings): string[] {
  const within = (key: string, value: number, min: number, max: number) =>
    value < min || value > max ? [`${key}: ${value} is not within its own minimum and maximum, ${min} to ${max}.`] : [];
  const session = within(
    'group.consumer.session.timeout.ms',
    raw.groupConsumerSessionTimeoutMs,
    raw.groupConsumerMinSessionTimeoutMs,
    raw.groupConsumerMaxSessionTimeoutMs,
  );
  const heartbeat = within(
    'group.consumer.heartbeat.interval.ms',
    raw.groupConsumerHeartbeatIntervalMs,
    raw.groupConsumerMinHeartbeatIntervalMs,
    raw.groupConsumerMaxHeartbeatIntervalMs,
  );
  const order =
    raw.groupMinSessionTimeoutMs > raw.groupMaxSessionTimeoutMs
      ? ['group.min.session.timeout.ms: it is larger than group.max.session.timeout.ms.']
      : [];
  return [...order, ...session, ...heartbeat];
}

/** The minimum of heartbeats per session: one may be lost. */
const HEARTBEATS_PER_SESSION_MIN = 2;

function fleetProblems(raw: RawSettings, hasNodeId: boolean): string[] {
  if (!raw.fleet) return [];
  const id =
    hasNodeId && raw.nodeId === 0
      ? ['node.id: 0 stands for processes outside of a fleet; give a gateway of a fleet an id from 1 on, or none.']
      : [];
  const heartbeat =
    raw.brokerHeartbeatIntervalMs * HEARTBEATS_PER_SESSION_MIN > raw.brokerSessionTimeoutMs
      ? ['broker.heartbeat.interval.ms: it is more than half of broker.session.timeout.ms.']
      : [];
  return [...id, ...heartbeat];
}

/** Kafka's order (KafkaConfig.logRetentionTimeMillis): ms, then minutes, then hours. */
function retentionMs(raw: RawSettings): number {
  if (raw.logRetentionMs !== undefined) return raw.logRetentionMs;
  const ms =
    raw.logRetentionMinutes !== undefined
      ? raw.logRetentionMinutes * MS_PER_MINUTE
      : raw.logRetentionHours * MS_PER_HOUR;
  return ms < 0 ? -1 : ms;
}

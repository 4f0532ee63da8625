import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nearest } from '../../settings/nearest.ts';
import type { CommandIo } from '../command.ts';
import { CommandError, usageError } from '../failure.ts';
import { type ClientConfig, clientConfigOf } from './client-config.ts';
import { fileProblem } from './files.ts';

/** Names the profile to use. TIDELOG_PROFILE is a setting of `dev` and `gateway`. */
export const PROFILE_VARIABLE = 'TIDELOG_CLIENT_PROFILE';

/** A client's properties, by the names of Kafka's clients. */
export type Profile = ReadonlyMap<string, string>;

export interface Profiles {
  /** The profile in use. */
  readonly current?: string;
  readonly profiles: ReadonlyMap<string, Profile>;
}

/** Owner only: profiles hold passwords. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const OTHERS_MODE = 0o077;
const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const SECRETS: ReadonlySet<string> = new Set(['sasl.password', 'sasl.jaas.config']);

/** Whether a property is secret. */
export function isSecret(property: string): boolean {
  return SECRETS.has(property);
}

/** Throws CommandError for an invalid profile name. */
export function checkProfileName(name: string): void {
  if (!NAME.test(name)) throw usageError(`"${name}" is no name for a profile: it takes letters, digits, . _ and -.`);
}

/** The path of the file; undefined if the environment names no home. */
export function profilesPath({ environment }: CommandIo): string | undefined {
  const home = environment.HOME || environment.USERPROFILE;
  const folder = environment.XDG_CONFIG_HOME || (home && join(home, '.config'));
  return folder ? join(folder, 'tidelog', 'profiles.json') : undefined;
}

/** All profiles; none if there is no file. Throws CommandError for an unreadable file. */
export function readProfiles(io: CommandIo): Profiles {
  const path = profilesPath(io);
  if (path === undefined) return { profiles: new Map() };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { profiles: new Map() };
    throw fileProblem(path, error);
  }
  return parseProfiles(text, path);
}

function parseProfiles(text: string, path: string): Profiles {
  const wrong = (problem: string) => new CommandError(`${path} cannot be used: ${problem}.`);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (!isObject(content) || !isObject(content.profiles)) throw wrong('it has no object "profiles"');
  const profiles = new Map<string, Profile>();
  for (const [name, properties] of Object.entries(content.profiles)) {
    if (!isObject(properties) || Object.values(properties).some((value) => typeof value !== 'string')) {
      throw wrong(`profile ${name} is not an object of texts`);
    }
    profiles.set(name, new Map(Object.entries(properties as Record<string, string>)));
  }
  const { current } = content;
  return { profiles, ...(typeof current === 'string' && { current }) };
}

/** Replaces the file with all profiles, readable for its owner only. Throws CommandError. */
export function writeProfiles(io: CommandIo, { current, profiles }: Profiles): void {
  const path = profilesPath(io);
  if (path === undefined) throw new CommandError('There is no place for profiles: set HOME or XDG_CONFIG_HOME.');
  const objects = [...profiles].map(([name, properties]) => [name, Object.fromEntries(properties)] as const);
  const content = { ...(current !== undefined && { current }), profiles: Object.fromEntries(objects) };
  const next = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
    writeFileSync(next, `${JSON.stringify(content, null, 2)}\n`, { mode: FILE_MODE });
    // An existing file keeps its mode, so the mode is set explicitly.
    chmodSync(next, FILE_MODE);
    renameSync(next, path);
  } catch (error) {
    throw new CommandError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)}).`);
  }
}

/** The connection settings of a profile. Throws CommandError for a missing or invalid one. */
export function profileConfig(name: string, io: CommandIo): ClientConfig {
  const { profiles } = readProfiles(io);
  const properties = profiles.get(name);
  if (properties === undefined) throw unknownProfile(name, profiles);
  const outcome = clientConfigOf(properties);
  if (outcome.kind === 'invalid') throw usageError(`Profile ${name}: ${outcome.problem}`);
  const path = profilesPath(io)!;
  const isOpen = process.platform !== 'win32' && (statSync(path).mode & OTHERS_MODE) !== 0;
  if (isOpen && [...properties.keys()].some(isSecret)) {
    io.err(`Other users may read the password in ${path}: chmod 600 it.\n`);
  }
  return outcome.config;
}

/** The error for a profile that does not exist, with the nearest name. */
export function unknownProfile(name: string, profiles: ReadonlyMap<string, Profile>): CommandError {
  const suggestion = nearest(name, [...profiles.keys()]);
  const advice = suggestion === undefined ? 'tidelog profile list shows all.' : `Did you mean ${suggestion}?`;
  return usageError(`There is no profile ${name}. ${advice}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

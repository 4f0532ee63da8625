import { parseProperties } from '../settings/properties.ts';
import { clientConfigOf } from './client/client-config.ts';
import { readTextFile } from './client/files.ts';
import {
  checkProfileName,
  isSecret,
  type Profile,
  readProfiles,
  unknownProfile,
  writeProfiles,
} from './client/profiles.ts';
import type { CommandIo } from './command.ts';
import { CommandError, usageError } from './failure.ts';
import { type Command, newProgram, pair, repeated, withExamples } from './program.ts';
import { json, table } from './terminal/text.ts';

interface JsonFlag {
  readonly json?: boolean;
}

/** `tidelog profile list|show|use|create|delete`. */
export function profileProgram(io: CommandIo): Command {
  const program = newProgram('profile', 'Keeps clusters by name, for --profile.', io);
  addList(program, io);
  addShow(program, io);
  addUse(program, io);
  addCreate(program, io);
  addDelete(program, io);
  return withExamples(program, [
    ['tidelog profile create prod -b broker-1:9092,broker-2:9092 --use', 'Name a cluster, and use it from now on'],
    ['tidelog topics list --profile staging', 'Ask another one once'],
  ]);
}

function withJson(command: Command): Command {
  return command.option('--json', 'prints JSON, also for errors');
}

function addList(program: Command, io: CommandIo): void {
  const command = program.command('list').description('Lists all profiles; * marks the one in use.');
  withExamples(withJson(command), [['tidelog profile list', 'All profiles']]).action((flags: JsonFlag) => {
    const { profiles, current } = readProfiles(io);
    const rows = [...profiles].map(([name, properties]) => ({
      name,
      bootstrapServers: properties.get('bootstrap.servers') ?? null,
      current: name === current,
    }));
    if (flags.json) return io.out(json(rows));
    io.out(
      table(
        ['CURRENT', 'NAME', 'BOOTSTRAP-SERVERS'],
        rows.map((row) => [row.current ? '*' : '', row.name, row.bootstrapServers ?? '-']),
      ),
    );
  });
}

function addShow(program: Command, io: CommandIo): void {
  const command = program
    .command('show')
    .description('Shows the properties of a profile, without its passwords.')
    .argument('[name]', 'which; the one in use when left out');
  withExamples(withJson(command), [['tidelog profile show prod', 'What a profile has']]).action(
    (given: string | undefined, flags: JsonFlag) => {
      const { profiles, current } = readProfiles(io);
      const name = given ?? current;
      if (name === undefined) throw new CommandError('No profile is in use: tidelog profile use NAME sets one.');
      const properties = profiles.get(name);
      if (properties === undefined) throw unknownProfile(name, profiles);
      const shown = [...properties].map(([key, value]) => [key, isSecret(key) ? '(hidden)' : value] as const);
      if (flags.json) io.out(json({ name, current: name === current, properties: Object.fromEntries(shown) }));
      else io.out(shown.map(([key, value]) => `${key}=${value}\n`).join(''));
    },
  );
}

function addUse(program: Command, io: CommandIo): void {
  const command = program
    .command('use')
    .description('Takes a profile from now on, wherever nothing else names a cluster.')
    .argument('[name]', 'which')
    .option('--none', 'takes none any more');
  withExamples(withJson(command), [['tidelog profile use prod', 'Use a profile']]).action(
    (name: string | undefined, flags: JsonFlag & { none?: boolean }) => {
      if ((name === undefined) !== (flags.none === true)) throw usageError('Name a profile, or give --none.');
      const { profiles } = readProfiles(io);
      if (name !== undefined && !profiles.has(name)) throw unknownProfile(name, profiles);
      writeProfiles(io, { profiles, ...(name !== undefined && { current: name }) });
      if (flags.json) io.out(json({ current: name ?? null }));
      else io.out(name === undefined ? 'No profile is in use now.\n' : `Profile ${name} is in use now.\n`);
    },
  );
}

interface CreateFlags extends JsonFlag {
  readonly bootstrapServer?: string;
  readonly from?: string;
  readonly set?: readonly (readonly [string, string])[];
  readonly use?: boolean;
  readonly replace?: boolean;
}

function addCreate(program: Command, io: CommandIo): void {
  const command = program
    .command('create')
    .description('Keeps a cluster under a name.')
    .argument('<name>', 'letters, digits, . _ and -')
    .option('-b, --bootstrap-server <host:port,...>', 'where the cluster is')
    .option('--from <file>', "takes the properties of a Kafka client's file, which keeps passwords out of this line")
    .option('-s, --set <name=value>', "a property of Kafka's clients; may come several times", repeated(pair))
    .option('--use', 'takes it from now on')
    .option('--replace', 'replaces a profile of this name');
  withExamples(withJson(command), [
    ['tidelog profile create local -b localhost:9092', 'A cluster without a login'],
    [
      'tidelog profile create prod --from client.properties',
      'One with a login; only you can read the file with profiles',
    ],
  ]).action((name: string, flags: CreateFlags) => {
    checkProfileName(name);
    const { bootstrapServer, from, set = [], use, replace } = flags;
    const properties: Profile = new Map([
      ...(from === undefined ? [] : propertiesIn(from)),
      ...(bootstrapServer === undefined ? [] : ([['bootstrap.servers', bootstrapServer]] as const)),
      ...set,
    ]);
    if (!properties.has('bootstrap.servers')) throw usageError('Say where the cluster is: --bootstrap-server.');
    const outcome = clientConfigOf(properties);
    if (outcome.kind === 'invalid') throw usageError(outcome.problem);
    const { profiles, current } = readProfiles(io);
    if (profiles.has(name) && !replace) {
      throw new CommandError(`There is a profile ${name} already. With --replace it is replaced.`);
    }
    const next = use ? name : current;
    writeProfiles(io, {
      profiles: new Map([...profiles, [name, properties]]),
      ...(next !== undefined && { current: next }),
    });
    if (flags.json) io.out(json({ name, current: next === name }));
    else io.out(`Created profile ${name}${next === name ? ', which is in use now' : ''}.\n`);
  });
}

function propertiesIn(path: string): (readonly [string, string])[] {
  return parseProperties(readTextFile(path)).map(({ key, value }) => [key, value]);
}

function addDelete(program: Command, io: CommandIo): void {
  const command = program.command('delete').description('Forgets a profile.').argument('<name>');
  withExamples(withJson(command), [['tidelog profile delete prod', 'Forget a profile']]).action(
    (name: string, flags: JsonFlag) => {
      const { profiles, current } = readProfiles(io);
      if (!profiles.has(name)) throw unknownProfile(name, profiles);
      const left = new Map([...profiles].filter(([other]) => other !== name));
      writeProfiles(io, { profiles: left, ...(current !== undefined && current !== name && { current }) });
      if (flags.json) io.out(json({ deleted: name }));
      else io.out(`Deleted profile ${name}.\n`);
    },
  );
}

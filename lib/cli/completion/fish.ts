import { type CompletionFlag, type CompletionNode, type CompletionPlace, placesOf, summaryOf } from './node.ts';

/** A script for fish, for ~/.config/fish/completions/tidelog.fish. */
export function fishCompletion(root: CompletionNode): string {
  const lines = placesOf(root).flatMap((place) => {
    const at = conditionOf(place);
    const { commands, words, flags } = place.node;
    return [
      ...commands.map(({ name, description }) => line(at, `-f -a ${name}`, description)),
      ...(words.length === 0 ? [] : [line(at, `-f -a ${quote(words.join(' '))}`, '')]),
      ...flags.map((flag) => line(at, flagOptions(flag), flag.description)),
    ];
  });
  return `# fish completion for tidelog\n${lines.join('')}`;
}

/** After all commands of the path, and after none of those below it. */
function conditionOf({ path, node }: CompletionPlace): string {
  const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`);
  const below = node.commands.map(({ name }) => name).join(' ');
  const notSeen = below === '' ? [] : [`not __fish_seen_subcommand_from ${below}`];
  return [...seen, ...notSeen].join('; and ');
}

function flagOptions({ names, takesValue, choices }: CompletionFlag): string {
  const named = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = choices === undefined ? ['-r'] : ['-x', '-a', quote(choices.join(' '))];
  return [...named, ...(takesValue ? value : [])].join(' ');
}

function line(condition: string, options: string, description: string): string {
  const text = description === '' ? '' : ` -d ${quote(summaryOf(description))}`;
  return `complete -c tidelog -n ${quote(condition)} ${options}${text}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

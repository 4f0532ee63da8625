import { type CompletionNode, type CompletionPlace, placesOf } from './node.ts';

/** A script for bash, to be sourced. */
export function bashCompletion(root: CompletionNode): string {
  const places = placesOf(root);
  const known = places.filter(({ path }) => path.length > 0).map(({ path }) => quote(keyOf(path)));
  const values = places.flatMap((place) =>
    place.node.flags.filter(({ takesValue }) => takesValue).map(valueCase(place)),
  );
  const words = places.map(({ path, node }) => {
    const all = [...node.commands.map(({ name }) => name), ...node.words, ...node.flags.flatMap(({ names }) => names)];
    return `    ${quote(keyOf(path))}) words="${all.join(' ')}" ;;\n`;
  });
  return (
    '# bash completion for tidelog; source <(tidelog completion bash)\n' +
    '_tidelog() {\n' +
    `  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at= words= i\n` +
    '  for ((i = 1; i < COMP_CWORD; i++)); do\n' +
    `    case "$at \${COMP_WORDS[i]}" in\n` +
    `      ${known.join(' | ')}) at="$at \${COMP_WORDS[i]}" ;;\n` +
    '    esac\n' +
    '  done\n' +
    '  COMPREPLY=()\n' +
    '  case "$at $prev" in\n' +
    `${values.join('')}` +
    '  esac\n' +
    '  case "$at" in\n' +
    `${words.join('')}` +
    '  esac\n' +
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))\n' +
    '}\n' +
    'complete -o default -F _tidelog tidelog\n'
  );
}

function keyOf(path: readonly string[]): string {
  return path.map((name) => ` ${name}`).join('');
}

/** Nothing is proposed where anything goes, and bash proposes files then. */
function valueCase({ path }: CompletionPlace) {
  return ({ names, choices }: CompletionNode['flags'][number]): string => {
    const patterns = names.map((name) => quote(`${keyOf(path)} ${name}`)).join(' | ');
    const reply = choices === undefined ? '' : `COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$cur")); `;
    return `    ${patterns}) ${reply}return ;;\n`;
  };
}

function quote(text: string): string {
  return `"${text}"`;
}

import { type CompletionNode, placeKey, placesOf, valueCases } from './node.ts';

/** A script for bash, to be sourced. */
export function bashCompletion(root: CompletionNode): string {
  const places = placesOf(root);
  const known = places.filter(({ path }) => path.length > 0).map(({ path }) => placeKey(path));
  // Without choices nothing is proposed, and bash falls back to files.
  const values = valueCases(root, (choices) =>
    choices === undefined ? '' : `COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$cur")); `,
  );
  const words = places.map(({ path, node }) => {
    const all = [...node.commands.map(({ name }) => name), ...node.words, ...node.flags.flatMap(({ names }) => names)];
    return `    ${placeKey(path)}) words="${all.join(' ')}" ;;\n`;
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
    values +
    '  esac\n' +
    '  case "$at" in\n' +
    `${words.join('')}` +
    '  esac\n' +
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))\n' +
    '}\n' +
    'complete -o default -F _tidelog tidelog\n'
  );
}

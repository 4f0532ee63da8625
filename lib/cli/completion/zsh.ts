import { type CompletionNode, placeKey, placesOf, summaryOf, valueCases } from './node.ts';

/** A script for zsh: to be sourced, or as _tidelog in a folder of $fpath. */
export function zshCompletion(root: CompletionNode): string {
  const places = placesOf(root);
  const known = places.filter(({ path }) => path.length > 0).map(({ path }) => placeKey(path));
  const values = valueCases(root, (choices) =>
    choices === undefined ? '_files; ' : `items=(${choices.join(' ')}); _describe value items; `,
  );
  const words = places.map(({ path, node }) => {
    const items = [
      ...node.commands.map(({ name, description }) => item(name, description)),
      ...node.words.map((word) => item(word, '')),
      ...node.flags.flatMap(({ names, description }) => names.map((name) => item(name, description))),
    ];
    return `    ${placeKey(path)}) items=(${items.join(' ')}) ;;\n`;
  });
  return (
    '#compdef tidelog\n' +
    '_tidelog() {\n' +
    "  local at='' i\n" +
    '  local -a items\n' +
    '  for ((i = 2; i < CURRENT; i++)); do\n' +
    `    case "$at \${words[i]}" in\n` +
    `      ${known.join(' | ')}) at="$at \${words[i]}" ;;\n` +
    '    esac\n' +
    '  done\n' +
    `  case "$at \${words[CURRENT - 1]}" in\n` +
    values +
    '  esac\n' +
    '  case "$at" in\n' +
    `${words.join('')}` +
    '  esac\n' +
    '  _describe tidelog items || _files\n' +
    '}\n' +
    'if [ "$funcstack[1]" = _tidelog ]; then _tidelog "$@"; else compdef _tidelog tidelog; fi\n'
  );
}

/** `'name:what it does'`, the format of _describe. */
function item(name: string, description: string): string {
  const text = description === '' ? name : `${name}:${summaryOf(description).replaceAll(':', '\\:')}`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

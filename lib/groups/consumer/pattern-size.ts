/**
 * The instructions that a Unicode property class counts as. It compiles to one instruction, but
 * merging its table of hundreds of ranges takes about as long as this many.
 */
const UNICODE_CLASS_SIZE = 10;

/**
 * A token of RE2's syntax, as far as it affects the size. Bounded repetitions keep the scan linear.
 */
const TOKEN = new RegExp(
  [
    '(?<quoted>\\\\Q[^]*?(?:\\\\E|$))',
    '(?<unicode>\\\\[pP](?:\\{[^}]*\\}|.)?)',
    '(?<escape>\\\\x\\{[^}]*\\}|\\\\[^]?)',
    // A leading ] is a character of its set; [: begins a class within the set.
    '(?<set>\\[\\^?\\]?(?:\\[:[^\\]]*:\\]|\\\\[^]|[^\\]\\\\])*\\]?)',
    '(?<open>\\((?:\\?P?<[^>]{0,250}>|\\?[a-zA-Z-]*:?)?)',
    '(?<close>\\))',
    '(?<count>\\{(?<min>\\d+)(?<comma>,)?(?<max>\\d+)?\\})',
    '(?<other>[^])',
  ].join('|'),
  'gu',
);

/**
 * Estimates the compiled size of a pattern without compiling it. `instructions` is never too low,
 * except for the two or three that every pattern has; nested counts multiply. `depth`: nesting of
 * groups. An invalid pattern has a size, too; its compilation reports the error.
 */
export function patternSize(source: string): { readonly instructions: number; readonly depth: number } {
  // For each open group: the size before it within the enclosing group.
  const outer: { size: number }[] = [];
  let depth = 0;
  let size = 0;
  let last = 0;
  const atom = (added: number) => {
    size += added;
    last = added;
  };
  for (const { 0: text, groups = {} } of source.matchAll(TOKEN)) {
    if (groups.quoted !== undefined) {
      size += text.length;
      last = 1;
    } else if (groups.unicode !== undefined) atom(UNICODE_CLASS_SIZE);
    else if (groups.set !== undefined) atom(1 + UNICODE_CLASS_SIZE * (text.match(/\\[pP]/g)?.length ?? 0));
    else if (groups.open !== undefined) {
      outer.push({ size });
      depth = Math.max(depth, outer.length);
      // A capture takes one instruction at each end.
      size = 2;
      last = 0;
    } else if (groups.close !== undefined) {
      const before = outer.pop() ?? { size: 0 };
      last = size;
      size += before.size;
    } else if (groups.count !== undefined) {
      const min = Number(groups.min);
      const max = groups.max !== undefined ? Number(groups.max) : groups.comma !== undefined ? min + 1 : min;
      const repeated =
        Math.max(last, 1) * Math.max(max, 1) +
        Math.max(max - min, 0) +
        (groups.comma !== undefined && groups.max === undefined ? 1 : 0);
      size += repeated - last;
      last = repeated;
    } else if ('*+?|'.includes(text)) {
      // Repeating an expression that can be empty takes one more instruction.
      const added = text === '*' ? 2 : 1;
      size += added;
      last += added;
    } else atom(1);
  }
  for (const before of outer) size += before.size;
  return { instructions: size, depth };
}

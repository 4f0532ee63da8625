/**
 * A class by a Unicode property counts as this many instructions. It is one, but a table of hundreds of ranges has
 * to be merged into its class, which takes about as long as so many ordinary instructions.
 */
const UNICODE_CLASS_SIZE = 10;

/** A token of RE2's syntax, as far as the size depends on it. Bounded repetitions keep the scan linear. */
const TOKEN = new RegExp(
  [
    '(?<quoted>\\\\Q[^]*?(?:\\\\E|$))',
    '(?<unicode>\\\\[pP](?:\\{[^}]*\\}|.)?)',
    '(?<escape>\\\\x\\{[^}]*\\}|\\\\[^]?)',
    // A ] that comes first is a character of its class; [: begins a class within the class.
    '(?<set>\\[\\^?\\]?(?:\\[:[^\\]]*:\\]|\\\\[^]|[^\\]\\\\])*\\]?)',
    '(?<open>\\((?:\\?P?<[^>]{0,250}>|\\?[a-zA-Z-]*:?)?)',
    '(?<close>\\))',
    '(?<count>\\{(?<min>\\d+)(?<comma>,)?(?<max>\\d+)?\\})',
    '(?<other>[^])',
  ].join('|'),
  'gu',
);

/**
 * How large a pattern is when it is compiled, found without compiling it: about how many instructions it takes (never
 * too few, but for the two or three that every pattern has), where nested counts multiply, and how deeply its groups
 * nest. A text that is no pattern has a size, too; compiling it says what is wrong.
 */
export function patternSize(source: string): { readonly instructions: number; readonly depth: number } {
  // What lies before each open group, within the group around it.
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
      // What captures takes an instruction at each end.
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
      // The repetition of what may be empty takes one more.
      const added = text === '*' ? 2 : 1;
      size += added;
      last += added;
    } else atom(1);
  }
  for (const before of outer) size += before.size;
  return { instructions: size, depth };
}

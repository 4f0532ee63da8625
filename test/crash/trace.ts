/** One system call of a trace, from its entry to its exit; seconds since the Unix epoch. */
export interface TracedCall {
  readonly thread: number;
  readonly name: string;
  /** The first argument if it is a descriptor, else -1. */
  readonly fd: number;
  /** What the descriptor stands for, or all arguments of a call that takes names. */
  readonly target: string;
  readonly start: number;
  readonly end: number;
  readonly result: number;
}

const LINE = /^(\d+)\s+(\d+\.\d+) (.*)$/;
const WHOLE = /^(\w+)\((.*)\)\s+= (-?\d+)(.*?)<(\d+\.\d+)>$/;
const BEGUN = /^(\w+)\((.*) <unfinished \.\.\.>$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)\)\s+= (-?\d+)(.*?)<(\d+\.\d+)>$/;
const DESCRIPTOR = /^(\d+)<((?:->|[^<>])*)>/;
const OPENED = /^<((?:->|[^<>])*)>/;

/**
 * Reads what `strace -f -ttt -T -yy -o` wrote. Calls that other threads interrupted in the trace are put together again, by
 * thread. Calls that never returned are left out: they have done nothing that one could rely on.
 */
export function parseTrace(text: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const begun = new Map<number, { name: string; args: string; start: number }>();
  for (const line of text.split('\n')) {
    const [, threadText, timeText, rest] = LINE.exec(line) ?? [];
    if (rest === undefined) continue;
    const thread = Number(threadText);
    const unfinished = BEGUN.exec(rest);
    if (unfinished !== null) {
      begun.set(thread, { name: unfinished[1]!, args: unfinished[2]!, start: Number(timeText) });
      continue;
    }
    const resumed = RESUMED.exec(rest);
    const whole = resumed ?? WHOLE.exec(rest);
    if (whole === null) continue;
    const [, name, args, result, opened, duration] = whole;
    const before = resumed === null ? undefined : begun.get(thread);
    if (resumed !== null && before?.name !== name) continue;
    begun.delete(thread);
    const start = before?.start ?? Number(timeText);
    calls.push(callOf(thread, name!, (before?.args ?? '') + args!, opened!, start, Number(duration), Number(result)));
  }
  return calls.sort((a, b) => a.start - b.start);
}

function callOf(
  thread: number,
  name: string,
  args: string,
  opened: string,
  start: number,
  duration: number,
  result: number,
): TracedCall {
  const descriptor = DESCRIPTOR.exec(args);
  const isNamed = descriptor === null || name === 'openat';
  const target = isNamed ? `${args} ${OPENED.exec(opened)?.[1] ?? ''}` : descriptor[2]!;
  return { thread, name, fd: isNamed ? -1 : Number(descriptor[1]), target, start, end: start + duration, result };
}

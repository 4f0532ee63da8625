import { createInterface } from 'node:readline';

/** Commands by name; each gets the words behind it and gives the words of its answer. */
export type LineCommands = Readonly<Record<string, (...words: string[]) => Promise<readonly string[]> | Promise<void>>>;

/**
 * Carries out a line of words on stdin after the other, and answers each with a line: `ok WORD...`, or `error NAME` and what
 * the client said. No word has a space in it.
 */
export async function serveLines(commands: LineCommands, nameOf: (error: unknown) => string): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...words] = line.split(' ') as [string, ...string[]];
    process.stdout.write(`${await answer(() => commands[name]!(...words), nameOf)}\n`);
  }
}

async function answer(
  call: () => Promise<readonly string[]> | Promise<void>,
  nameOf: (error: unknown) => string,
): Promise<string> {
  try {
    return ['ok', ...((await call()) ?? [])].join(' ');
  } catch (error) {
    return `error ${nameOf(error)} ${String(error).replaceAll('\n', ' ')}`;
  }
}

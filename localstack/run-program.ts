import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ran {
  /** 0 for success; undefined if the program does not exist. */
  readonly code: number | undefined;
  /** stdout and stderr, in order of arrival. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Receives the program's output while it runs. */
  readonly onOutput?: ((text: string) => void) | undefined;
}

/** Runs a program to its end. */
export async function runProgram(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd, env, onOutput } = options;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd && { cwd }), ...(env && { env }) });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      onOutput?.(text);
    });
  }
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? 1, output };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { code: undefined, output };
  }
}

/** The last lines of a program's output, for the end of a message. */
export function lastLines(output: string, count = 5): string {
  return output.trimEnd().split('\n').slice(-count).join('\n');
}

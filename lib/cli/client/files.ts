import { readFileSync } from 'node:fs';
import { CommandError } from '../failure.ts';

/** The error for a file that cannot be read. */
export function fileProblem(path: string, error: unknown): CommandError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new CommandError(`There is no file ${path}.`, { cause: error });
  if (code === 'EISDIR') return new CommandError(`${path} is a folder, not a file.`, { cause: error });
  if (code === 'EACCES') return new CommandError(`${path} may not be read by this user.`, { cause: error });
  return new CommandError(`${path} cannot be read (${code ?? String(error)}).`, { cause: error });
}

/** The text of a file. Throws CommandError. */
export function readTextFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileProblem(path, error);
  }
}

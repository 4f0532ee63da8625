import { type ChildProcess, spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';

const STDOUT = 1;

/**
 * Calls back when the reader of stdout's pipe is gone, even while nothing is being written. Node
 * reports that only on the next write, and has no poll(2). GNU's `tail -f` polls its own stdout and
 * dies of SIGPIPE, so one is started on the same pipe if available (otherwise the next write
 * reports it). Returns a function that ends the watch.
 */
export function watchPipe(onGone: () => void): () => void {
  if (process.platform !== 'linux' || !fstatSync(STDOUT).isFIFO()) return () => {};
  const args = ['-f', `--pid=${process.pid}`, '/dev/null'];
  let child: ChildProcess | undefined = spawn('tail', args, { stdio: ['ignore', 'inherit', 'ignore'] });
  child.unref();
  // There is no tail, or it does not support the flags.
  child.on('error', () => {});
  child.on('exit', (_code, signal) => {
    if (child !== undefined && signal === 'SIGPIPE') onGone();
  });
  return () => {
    const ended = child;
    child = undefined;
    ended?.kill();
  };
}

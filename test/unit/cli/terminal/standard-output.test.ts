import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { EXIT_FAILED, EXIT_OK } from '../../../../lib/cli/command.ts';
import { StandardOutput } from '../../../../lib/cli/terminal/standard-output.ts';

/** A stream that accepts a write when the test says so. */
class FakeStream extends EventEmitter {
  readonly written: (string | Uint8Array)[] = [];
  readonly #callbacks: ((error?: Error) => void)[] = [];

  write(output: string | Uint8Array, accepted: (error?: Error) => void): void {
    this.written.push(output);
    this.#callbacks.push(accepted);
  }

  /** Ends the oldest write. */
  end(error?: Error): void {
    this.#callbacks.shift()!(error);
  }
}

const errorOf = (code: string) => Object.assign(new Error(`write ${code}`), { code });

let stream: FakeStream;
let reported: string[];
let output: StandardOutput;

beforeEach(() => {
  stream = new FakeStream();
  reported = [];
  output = new StandardOutput(stream, (problem) => reported.push(problem));
});

/** Whether a promise has resolved by now. */
async function isResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => {
    resolved = true;
  });
  await new Promise(setImmediate);
  return resolved;
}

describe('accepted', () => {
  it('resolves at once when nothing is pending', async () => {
    expect(await isResolved(output.accepted())).toBe(true);
  });

  it('resolves for all who wait when the last write is accepted', async () => {
    output.write('a');
    output.write(new Uint8Array([98]));
    const waiting = [output.accepted(), output.accepted()];
    stream.end();
    expect(await Promise.all(waiting.map(isResolved))).toEqual([false, false]);
    stream.end();
    expect(await Promise.all(waiting.map(isResolved))).toEqual([true, true]);
    expect(stream.written).toEqual(['a', new Uint8Array([98])]);
  });

  it('waits for the next output again', async () => {
    output.write('a');
    stream.end();
    output.write('b');
    expect(await isResolved(output.accepted())).toBe(false);
  });

  it('resolves when the reader goes away, and stays resolved', async () => {
    output.write('a');
    const waiting = output.accepted();
    output.readerGone();
    expect(await isResolved(waiting)).toBe(true);
    expect(await isResolved(output.accepted())).toBe(true);
  });
});

describe('a reader that goes away', () => {
  it.each([
    ['the write', () => stream.end(errorOf('EPIPE'))],
    ['the stream', () => stream.emit('error', errorOf('EPIPE'))],
  ])('is no failure, told by %s', (_, fail) => {
    output.write('a');
    expect(output.gone.aborted).toBe(false);
    fail();
    expect([output.gone.aborted, output.exitCode, reported]).toEqual([true, EXIT_OK, []]);
  });
});

it('reports output that is lost, once, and fails', () => {
  output.write('a');
  stream.end(errorOf('ENOSPC'));
  stream.emit('error', errorOf('ENOSPC'));
  expect(reported).toEqual(['The output cannot be written: write ENOSPC.']);
  expect([output.gone.aborted, output.exitCode]).toEqual([true, EXIT_FAILED]);
});

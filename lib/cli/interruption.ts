import { type CommandIo, EXIT_FAILED } from './command.ts';

/** A signal that aborts at the first SIGINT or SIGTERM; the second one ends the process at once. */
export function stopOnSignal(io: CommandIo): { readonly signal: AbortSignal; ignore(): void } {
  const controller = new AbortController();
  const ignore = io.onStopSignal(() => {
    if (controller.signal.aborted) io.exit(EXIT_FAILED);
    controller.abort();
  });
  return { signal: controller.signal, ignore };
}

/**
 * The items of `source` until it ends or `signal` aborts; an abort also ends the wait for the next
 * item.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const aborted = whenAborted(signal);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a stalled stream may never answer.
    void iterator.return?.().catch(() => {});
  }
}

/** Resolves to undefined when `signal` aborts. */
export function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

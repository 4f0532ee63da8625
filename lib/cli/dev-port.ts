const PORT_MAX = 65_535;

export type PortOutcome =
  /** The arguments with `--listeners` in the place of `--port`. */
  { readonly kind: 'args'; readonly args: readonly string[] } | { readonly kind: 'usage'; readonly message: string };

/** Puts `--listeners PLAINTEXT://127.0.0.1:N` in the place of `--port N` and `--port=N`. */
export function takePort(args: readonly string[]): PortOutcome {
  const at = args.findIndex((arg) => arg === '--port' || arg.startsWith('--port='));
  if (at < 0) return { kind: 'args', args };
  const isOneArgument = args[at] !== '--port';
  const text = isOneArgument ? args[at]!.slice('--port='.length) : (args[at + 1] ?? '');
  if (!/^\d{1,5}$/.test(text) || Number(text) > PORT_MAX) {
    return usage(`--port takes a number from 0 to ${PORT_MAX}; 0 for any free one.`);
  }
  const rest = [...args.slice(0, at), ...args.slice(at + (isOneArgument ? 1 : 2))];
  if (rest.some((arg) => /^--(port|listeners)(=|$)/.test(arg))) {
    return usage('--port is short for --listeners: give one of them, once.');
  }
  return { kind: 'args', args: [...rest, '--listeners', `PLAINTEXT://127.0.0.1:${text}`] };
}

function usage(message: string): PortOutcome {
  return { kind: 'usage', message };
}

import type { CommandIo } from '../../../lib/cli/command.ts';

/** What a command needs of its process; nothing is written and no signal comes. */
export function silentIo(own: Partial<CommandIo> = {}): CommandIo {
  return { out() {}, err() {}, environment: {}, onStopSignal: () => () => {}, exit() {}, ...own };
}

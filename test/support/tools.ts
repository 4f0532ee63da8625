import { spawnSync } from 'node:child_process';
import { allowedTool } from './allowed-skips.ts';

/** Set to make missing tools a failure instead of a skipped test, as in continuous integration. */
const REQUIRE_ALL = process.env.TIDELOG_REQUIRE_ALL === '1';

/**
 * Whether tests that need `name` can run. If not, says so in one line; under TIDELOG_REQUIRE_ALL=1 that is an error, unless it
 * stands among the allowed skips.
 */
export function have(name: string, present: boolean, whatToDo: string): boolean {
  if (present) return true;
  const reason = allowedTool(name);
  const line = `skipped: ${name} is missing. ${whatToDo}`;
  if (REQUIRE_ALL && reason === undefined) throw new Error(`TIDELOG_REQUIRE_ALL is set, and ${line}`);
  process.stderr.write(`${line}${reason === undefined ? '' : ` (allowed: ${reason})`}\n`);
  return false;
}

/** Whether kcat can be run. */
export function haveKcat(): boolean {
  const { error } = spawnSync('kcat', ['-V']);
  return have('kcat', error === undefined, 'Install it (apt-get install kcat) to run the tests with librdkafka.');
}

/** 'kcat 1.7.1 with librdkafka 2.0.2', for reports. */
export function kcatVersion(): string {
  const text = spawnSync('kcat', ['-V'], { encoding: 'utf8' }).stdout;
  return `kcat ${/Version (\S+)/.exec(text)?.[1]} with librdkafka ${/librdkafka (\S+)/.exec(text)?.[1]}`;
}

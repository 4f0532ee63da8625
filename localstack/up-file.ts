import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint } from './endpoint.ts';
import { workFolder } from './work-folder.ts';

/**
 * The file that `up` writes for `deploy` and `down`: the endpoint as JSON, with the process id of
 * MiniStack.
 */
const upFile = () => join(workFolder(), 'up.json');

export function rememberUp(endpoint: Endpoint): void {
  writeFileSync(upFile(), `${JSON.stringify(endpoint, null, 2)}\n`);
}

/** The endpoint of the last `up`; undefined after `down`. */
export function rememberedUp(): Endpoint | undefined {
  return existsSync(upFile()) ? (JSON.parse(readFileSync(upFile(), 'utf8')) as Endpoint) : undefined;
}

export function forgetUp(): void {
  rmSync(upFile(), { force: true });
}

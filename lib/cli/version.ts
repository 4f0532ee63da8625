import { readFileSync } from 'node:fs';

/** The path of package.json from the source and from the built program. */
const PACKAGE_FILES = ['../../package.json', '../../../package.json'];

/** The version in package.json. */
export function programVersion(): string {
  for (const path of PACKAGE_FILES) {
    try {
      const content = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<string, unknown>;
      if (content.name === 'tidelog') return String(content.version);
    } catch {
      // Try the other place.
    }
  }
  return 'unknown';
}

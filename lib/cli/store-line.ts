import { resolve } from 'node:path';
import type { Settings } from '../settings/settings.ts';

/** The location of the log, as text for the banner. */
export function storeLine(settings: Settings): string {
  switch (settings.store) {
    case 'embedded':
      return `embedded, in ${resolve(settings.dataDir)}`;
    case 'memory':
      return 'in memory, gone when this process ends';
    case 'aws':
      return `DynamoDB ${settings.journalTable} and ${settings.stateTable}, S3 ${settings.bucket}`;
  }
}

import type { LogFields, LogLevel } from '../core/logger.ts';
import type { HistoryFailure } from '../core/observer.ts';
import type { JournalEnvironment } from '../journal/environment.ts';

/** Logs that work on history could not be done, and tells the observer. */
export function reportFailure(
  { logger, observer }: Pick<JournalEnvironment, 'logger' | 'observer'>,
  level: LogLevel,
  fields: LogFields & { readonly event: HistoryFailure },
): void {
  logger.log(level, fields);
  observer?.historyFailed(fields.event);
}

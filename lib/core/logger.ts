export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Fields of one line; use the names that operators query. Never a payload, key or header of a
 * record.
 */
export interface LogFields {
  readonly event: string;
  readonly listener?: string;
  readonly apiKey?: number;
  readonly apiVersion?: number;
  readonly errorCode?: number;
  readonly durationMs?: number;
  readonly [field: string]: string | number | boolean | undefined;
}

export interface Logger {
  log(level: LogLevel, fields: LogFields): void;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * The part of the clock that a log line needs. A separate type keeps Node's types out of the
 * package's public types.
 */
interface WallClock {
  now(): number;
}

/** Writes JSON lines of at least `minimum` level through `write`. */
export function jsonLogger(clock: WallClock, minimum: LogLevel, write: (line: string) => void): Logger {
  return {
    log(level, fields) {
      if (RANK[level] < RANK[minimum]) return;
      write(`${JSON.stringify({ time: new Date(clock.now()).toISOString(), level, ...fields })}\n`);
    },
  };
}

export const silentLogger: Logger = { log: () => {} };

import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Connection } from './connection.ts';
import type { GatewayLimits } from './limits.ts';

/** Refusals come in floods; so often they are logged, with their number. */
const REFUSAL_LOG_INTERVAL_MS = 10_000;

/** The connections of a gateway, and how many more may come. */
export class ConnectionTable {
  readonly #limits: GatewayLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #connections = new Set<Connection>();
  readonly #countByHost = new Map<string, number>();
  #refused = 0;
  #refusedSinceLog = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(limits: GatewayLimits, clock: Clock, logger: Logger) {
    this.#limits = limits;
    this.#clock = clock;
    this.#logger = logger;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Connections that were turned away since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Whether one more from this host may come; logs when not. */
  hasRoom(host: string, listener: string): boolean {
    const { connectionsMax, connectionsPerHostMax } = this.#limits;
    let reason: string | undefined;
    if (this.size >= connectionsMax) reason = `max.connections, ${connectionsMax}, is reached`;
    else if ((this.#countByHost.get(host) ?? 0) >= connectionsPerHostMax) {
      reason = `max.connections.per.ip, ${connectionsPerHostMax}, is reached`;
    }
    if (reason === undefined) return true;
    this.#refused++;
    this.#refusedSinceLog++;
    const now = this.#clock.monotonic();
    if (now - this.#loggedAt >= REFUSAL_LOG_INTERVAL_MS) {
      this.#logger.log('warn', { event: 'connection_refused', listener, host, reason, refused: this.#refusedSinceLog });
      this.#loggedAt = now;
      this.#refusedSinceLog = 0;
    }
    return false;
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
    this.#countByHost.set(connection.host, (this.#countByHost.get(connection.host) ?? 0) + 1);
  }

  remove(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    const count = this.#countByHost.get(connection.host)! - 1;
    if (count === 0) this.#countByHost.delete(connection.host);
    else this.#countByHost.set(connection.host, count);
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#connections.values();
  }
}

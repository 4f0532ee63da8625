import { type HttpServer, startHttpServer } from '../doors/http/server.ts';
import { allRoutes } from '../rest/routes.ts';
import { type Address, formatAddress } from '../settings/listeners.ts';
import type { ComposedBroker } from './compose-broker.ts';
import type { ComposeOptions } from './compose-options.ts';
import { composeRest, roomsForRest } from './compose-rest.ts';
import { StartError } from './start-error.ts';

export interface StartRestOptions extends ComposeOptions {
  readonly address: Address;
  readonly engine: ComposedBroker;
}

/** Serves REST in this process. Throws StartError. */
export async function startRest(options: StartRestOptions): Promise<HttpServer> {
  const { address, engine, clock, logger, settings } = options;
  const handle = composeRest(options, roomsForRest(options, engine), allRoutes);
  try {
    return await startHttpServer({
      ...address,
      handle,
      clock,
      onError: (error) => logger.log('warn', { event: 'rest_failed', message: String(error) }),
      limits: { connectionsMax: settings.maxConnections, idleMsMax: settings.connectionsMaxIdleMs },
    });
  } catch (error) {
    throw new StartError(problemOf(address, error as NodeJS.ErrnoException), { cause: error });
  }
}

function problemOf(address: Address, { code, message }: NodeJS.ErrnoException): string {
  const reason = code === 'EADDRINUSE' ? 'another process has the port' : message;
  const advice = 'Choose another address with --rest-listeners http://127.0.0.1:PORT, or none.';
  return `REST cannot be served on ${formatAddress(address)}: ${reason}. ${advice}`;
}

import { once } from 'node:events';
import { createServer } from 'node:net';
import { EndpointError } from './endpoint-error.ts';

export const LOOPBACK = '127.0.0.1';

/** `port` if it is free, any free one for 0. Throws EndpointError. */
export async function freePort(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${code})`;
    throw new EndpointError(`Port ${port} ${why}: choose another one with --port, or 0 for any free one.`);
  } finally {
    server.close();
  }
}

import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePorts } from './free-ports.ts';

it('ports that were free are different ones, and can be listened on', async () => {
  const ports = await freePorts(3);
  expect(new Set(ports).size).toBe(3);
  const server = createServer().listen(ports[0], '127.0.0.1');
  await once(server, 'listening');
  server.close();
});

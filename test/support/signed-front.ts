import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { payload2, ROLE_ARN, receivedOf } from './rest-events.ts';
import { signatureProblem } from './signature.ts';

/** What AWS's documents use as an example of keys. */
export const KEYS = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
export const SCOPE = { region: 'eu-central-1', service: 'execute-api' };

export interface SignedFront {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A port in the place of an HTTP API with IAM: checks signatures by AWS's rules, and hands requests to
 * a function as events of payload 2.0.
 */
export async function startSignedFront(handler: (event: object) => Promise<object>): Promise<SignedFront> {
  const server = createServer((request, response) => {
    void (async () => {
      const body = await bytesOf(request);
      const problem = signatureProblem(request, body, SCOPE, new Map([[KEYS.id, KEYS.secret]]));
      if (problem !== undefined) {
        response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ message: problem }));
        return;
      }
      const { pathname, searchParams } = new URL(request.url!, 'http://front');
      const answer = receivedOf(
        await handler(
          payload2(
            {
              method: request.method!,
              path: pathname,
              query: Object.fromEntries(searchParams),
              headers: request.headers as Record<string, string>,
              ...(body.length > 0 && { body }),
            },
            { iam: { userArn: ROLE_ARN } },
          ),
        ),
      );
      response.writeHead(answer.status, answer.headers).end(answer.bytes);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

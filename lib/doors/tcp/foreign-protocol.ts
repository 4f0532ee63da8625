const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR_VERSION = 3;
const HTTP_STARTS = ['GET ', 'POST', 'PUT ', 'HEAD', 'OPTI', 'DELE', 'PATC', 'CONN', 'PRI '];

/**
 * Names the protocol that a client speaks by mistake, from the four bytes that should be the size
 * of its first request; undefined when they look like none that is known.
 */
export function foreignProtocol(size: number): string | undefined {
  if (size >>> 24 === TLS_HANDSHAKE && ((size >>> 16) & 0xff) === TLS_MAJOR_VERSION) {
    return 'the client speaks TLS, this listener does not; set security.protocol=PLAINTEXT in the client';
  }
  const text = String.fromCharCode(size >>> 24, (size >>> 16) & 0xff, (size >>> 8) & 0xff, size & 0xff);
  if (HTTP_STARTS.includes(text)) return 'the client speaks HTTP, this port serves the Kafka protocol';
  return undefined;
}

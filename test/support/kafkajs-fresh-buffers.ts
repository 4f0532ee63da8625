import { createRequire } from 'node:module';

interface KafkajsConnection {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect(): Promise<unknown>;
}

const SIZE_BYTES = 4;

/**
 * kafkajs 2.2.4 keeps what came of an answer when its connection breaks in the middle of it, and puts the next connection's
 * answers behind that: it understands none of them any more, or throws where nobody can catch it (tulios/kafkajs issue 715).
 * Where connections are broken on purpose, this has each connection begin with nothing. To be imported for its effect.
 */
const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/connection') as {
  prototype: KafkajsConnection;
};
const { connect } = prototype;
prototype.connect = function (this: KafkajsConnection) {
  if (!this.isConnected()) {
    this.chunks = [];
    this.bytesBuffered = 0;
    this.bytesNeeded = SIZE_BYTES;
  }
  return connect.call(this);
};

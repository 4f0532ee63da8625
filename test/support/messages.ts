import { Reader } from '../../lib/wire/reader.ts';
import { type Infer, type InferInput, type Message, readMessage, writeMessage } from '../../lib/wire/schema/message.ts';
import { Writer } from '../../lib/wire/writer.ts';

/** Reads one message that fills the buffer. Throws DecodeError, also for bytes left over. */
export function decodeMessage<M extends Message>(message: M, version: number, buffer: Buffer): Infer<M> {
  const reader = new Reader(buffer);
  const value = readMessage(message, version, reader);
  reader.end();
  return value;
}

/** One message in one piece. Throws EncodeError. */
export function encodeMessage<M extends Message>(message: M, version: number, value: InferInput<M>): Buffer {
  const writer = new Writer();
  writeMessage(message, version, value, writer);
  return writer.toBuffer();
}

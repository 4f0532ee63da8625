import { ANONYMOUS } from '../../lib/auth/principal.ts';
import type { FrameFunction } from '../../lib/broker/apis.ts';
import type { FrameHandler, FrameOutcome } from '../../lib/broker/frame-handler.ts';
import type { Principal, RequestContext } from '../../lib/core/context.ts';
import type { LogFields, Logger, LogLevel } from '../../lib/core/logger.ts';
import {
  decodeRequestEnvelope,
  type EnvelopeAnswer,
  encodeAnswerEnvelope,
  type RequestEnvelope,
} from '../../lib/doors/tunnel/envelope.ts';
import type { FlushPace } from '../../lib/doors/tunnel/merged-produce.ts';
import { WAITING_PACES } from '../../lib/doors/tunnel/pace.ts';
import type { CallOutcome, Transport } from '../../lib/doors/tunnel/transport.ts';
import { type TunnelOptions, tunnelHandler } from '../../lib/doors/tunnel/tunnel.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { ApiKey, apis, type RequestBody, type RequestInput } from '../../lib/wire/apis.ts';
import { encodeRequest } from '../../lib/wire/client-frame.ts';
import { encodeResponse, receiveFrame } from '../../lib/wire/frame.ts';
import { decodeRequest } from './decode-request.ts';
import { seededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

/** One call of a function; the test decides when and how it ends. */
export interface FakeCall {
  readonly name: FrameFunction;
  readonly envelope: RequestEnvelope;
  /** The envelope's format byte. */
  readonly format: number;
  /** The correlation ids of its frames. */
  readonly ids: readonly number[];
  end(outcome: CallOutcome): void;
  /** Ends it with these answers; without any, with a success for each frame. */
  answer(answers?: readonly EnvelopeAnswer[]): void;
}

/** A transport whose calls stay open until a test ends them. */
export class FakeTransport implements Transport {
  readonly target = 'fake';
  readonly permission = 'fake:Call';
  readonly calls: FakeCall[] = [];
  /** Called for every call when set. */
  automatic: ((call: FakeCall) => void) | undefined;

  call(name: FrameFunction, bytes: Buffer): Promise<CallOutcome> {
    const envelope = decodeRequestEnvelope(bytes);
    const ids = envelope.frames.map(({ frame }) => frame.readInt32BE(4));
    return new Promise((end) => {
      const call: FakeCall = {
        name,
        envelope,
        format: bytes[0]!,
        ids,
        end,
        answer: (answers = envelope.frames.map(({ frame }) => success(frame))) =>
          end({ kind: 'answered', body: encodeAnswerEnvelope(answers, isAdvised(answers) ? 2 : 1) }),
      };
      this.calls.push(call);
      this.automatic?.(call);
    });
  }

  describe(name: FrameFunction): string {
    return `fake ${name}`;
  }

  close(): void {}
}

/** Functions that do not advise are older than the tunnel. */
function isAdvised(answers: readonly EnvelopeAnswer[]): boolean {
  return answers.some((answer) => 'advice' in answer);
}

/** The answer to a Produce frame whose partitions have this error, else one that is nothing but the correlation id. */
export function success(frame: Buffer, errorCode = 0): EnvelopeAnswer {
  const outcome = decodeRequest(frame);
  if (outcome.kind !== 'request' || outcome.api.key !== ApiKey.Produce) {
    return { kind: 'answer', chunks: [frame.subarray(4, 8)] };
  }
  const { topicData } = outcome.body as RequestBody<typeof ApiKey.Produce>;
  const responses = topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: 0, recordErrors: [] })),
  }));
  const { apiVersion, correlationId } = outcome.header;
  const chunks = encodeResponse(apis[ApiKey.Produce], apiVersion, correlationId, { responses });
  return { kind: 'answer', chunks: [Buffer.concat(chunks).subarray(4)] };
}

export interface ProduceShape {
  readonly acks?: number;
  /** With a producer id and this sequence. */
  readonly sequence?: number;
  /** Of the one record's value. */
  readonly bytes?: number;
  readonly version?: number;
}

/** A Produce frame (without its size) of one batch to one partition. */
export function produceFrame(id: number, { acks = -1, sequence, bytes = 10, version = 9 }: ProduceShape = {}): Buffer {
  const producer = sequence === undefined ? {} : { producerId: 7, producerEpoch: 0, baseSequence: sequence };
  const records = encodeBatch([{ timestamp: 1, key: null, value: Buffer.alloc(bytes) }], producer);
  return frameOf(ApiKey.Produce, version, id, {
    transactionalId: null,
    acks,
    timeoutMs: 30_000,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: [records] }] }],
  });
}

/** A request frame without its size. */
export function frameOf<Key extends ApiKey>(key: Key, version: number, id: number, body: RequestInput<Key>): Buffer {
  return Buffer.concat(encodeRequest(key, version, id, 'test', body)).subarray(4);
}

/** One connection to a tunnel under test. */
export interface FakeConnection {
  readonly outcomes: (FrameOutcome | undefined)[];
  /** Hands a frame on; its outcome lands in `outcomes`, at its place in the order of calls. */
  send(frame: Buffer): void;
  /** The client goes. */
  abort(): void;
  /** The gateway stops. */
  drain(): void;
}

export interface TunnelRig {
  readonly clock: VirtualClock;
  readonly transport: FakeTransport;
  readonly lines: (LogFields & { readonly level: LogLevel })[];
  readonly handle: FrameHandler;
  connect(listener?: string, principal?: Principal): FakeConnection;
  /** Lets the event loop turn, and everything run that can. */
  turn(): Promise<void>;
}

/** A tunnel on a virtual clock, over a transport in the test's hands. */
export function tunnelRig(pace: Partial<FlushPace> = {}, more: Partial<TunnelOptions> = {}): TunnelRig {
  const clock = new VirtualClock();
  const transport = new FakeTransport();
  const lines: TunnelRig['lines'] = [];
  const logger: Logger = { log: (level, fields) => lines.push({ level, ...fields }) };
  const handle = tunnelHandler({
    transport,
    clock,
    random: seededRandom(1),
    logger,
    advertised: (listener) => ({ host: `${listener.toLowerCase()}.example`, port: 9092 }),
    pace: { intervalMs: 0, flights: 1, ...pace },
    transactionVersion: 2,
    waiting: WAITING_PACES.default!,
    ...more,
  });
  return {
    clock,
    transport,
    lines,
    handle,
    connect(listener = 'PLAINTEXT', principal = ANONYMOUS) {
      const controller = new AbortController();
      let deadline = Number.POSITIVE_INFINITY;
      const context: RequestContext = {
        principal,
        clientId: '',
        host: '127.0.0.1',
        listener,
        get deadline() {
          return deadline;
        },
        signal: controller.signal,
      };
      const outcomes: (FrameOutcome | undefined)[] = [];
      return {
        outcomes,
        send(frame) {
          const place = outcomes.push(undefined) - 1;
          void handle(receiveFrame(frame), context).then((outcome) => {
            outcomes[place] = outcome;
          });
        },
        abort: () => controller.abort(),
        drain() {
          deadline = clock.monotonic() + 8_000;
          controller.abort();
        },
      };
    },
    async turn() {
      for (let turns = 0; turns < 3; turns++) {
        await new Promise((resolve) => setImmediate(resolve));
        await clock.advance(0);
      }
    },
  };
}

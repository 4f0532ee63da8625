import type { FrameHandler, FrameOutcome } from '../../../lib/broker/frame-handler.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import type { RequestContext } from '../../../lib/core/context.ts';
import type { LogFields, Logger, LogLevel } from '../../../lib/core/logger.ts';
import type { GatewayLimits } from '../../../lib/doors/tcp/limits.ts';
import { type Gateway, startGateway } from '../../../lib/doors/tcp/server.ts';
import { until } from '../../support/waiting.ts';

/** One request as the fake engine got it; the test decides when and how it ends. */
export interface Call {
  readonly frame: Buffer;
  readonly context: RequestContext;
  readonly apiKey: number;
  readonly correlationId: number;
  answer(bytes?: number): void;
  finish(outcome: FrameOutcome): void;
  fail(error: unknown): void;
}

/** A response frame of `bytes` bytes beside its size: the correlation id, then zeros, in two chunks. */
export function response(correlationId: number, bytes = 4): Buffer[] {
  const head = Buffer.alloc(8);
  head.writeInt32BE(bytes, 0);
  head.writeInt32BE(correlationId, 4);
  return [head, Buffer.alloc(bytes - 4)];
}

/** A frame handler whose requests stay open until a test answers them. */
export class FakeEngine {
  readonly calls: Call[] = [];
  /** Answers every request at once when set. */
  automatic: ((call: Call) => void) | undefined;

  readonly handleFrame: FrameHandler = ({ bytes: frame, head }, context) =>
    new Promise((resolve, reject) => {
      const { apiKey, correlationId } = head;
      const call: Call = {
        frame,
        context,
        apiKey,
        correlationId,
        answer: (bytes) => resolve({ kind: 'answer', chunks: response(correlationId, bytes), errorCode: 0 }),
        finish: resolve,
        fail: reject,
      };
      this.calls.push(call);
      this.automatic?.(call);
    });

  /** Waits until so many requests have arrived in all. */
  async arrived(count: number): Promise<Call[]> {
    await until(() => this.calls.length >= count, `${count} requests to arrive`);
    return this.calls;
  }

  ids(): number[] {
    return this.calls.map(({ correlationId }) => correlationId);
  }
}

export interface LoggedLine extends LogFields {
  readonly level: LogLevel;
}

export interface Rig {
  readonly gateway: Gateway;
  readonly engine: FakeEngine;
  readonly lines: LoggedLine[];
  readonly address: { host: string; port: number };
  /** Lines of at least info level. */
  notable(): LoggedLine[];
}

/** A gateway on a free port of the loopback, over a fake engine. */
export async function startRig(limits: Partial<GatewayLimits> = {}, handleFrame?: FrameHandler): Promise<Rig> {
  const engine = new FakeEngine();
  const lines: LoggedLine[] = [];
  const logger: Logger = { log: (level, fields) => lines.push({ level, ...fields }) };
  const gateway = await startGateway({
    listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }],
    handleFrame: handleFrame ?? engine.handleFrame,
    clock: systemClock,
    logger,
    limits,
  });
  const address = gateway.addresses.get('PLAINTEXT')!;
  return { gateway, engine, lines, address, notable: () => lines.filter(({ level }) => level !== 'debug') };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

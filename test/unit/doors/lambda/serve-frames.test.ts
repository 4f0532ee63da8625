import { describe, expect, it } from 'vitest';
import { allowAll } from '../../../../lib/auth/authorize.ts';
import { systemClock } from '../../../../lib/core/clock.ts';
import type { Principal, RequestContext } from '../../../../lib/core/context.ts';
import { type Serving, serveEnvelope, serveFrame } from '../../../../lib/doors/lambda/serve-frames.ts';
import { encodeRequestEnvelope } from '../../../../lib/doors/tunnel/envelope.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { decideBy, decideLater } from '../../../support/authorizer.ts';
import { frameOf } from '../../../support/function-calls.ts';

const heartbeat = frameOf(ApiKey.Heartbeat, 4, { groupId: 'g', generationId: 1, memberId: 'm' });

function serving(authorize = allowAll): Serving & { contexts: RequestContext[] } {
  const contexts: RequestContext[] = [];
  return {
    contexts,
    name: 'coordinate',
    handle: async (_, context) => {
      contexts.push(context);
      return { kind: 'none' };
    },
    authorize,
    clock: systemClock,
    principal: 'User:gateway',
    waitMaxMs: 1_000,
    sendAwayAt: Number.POSITIVE_INFINITY,
    deadline: Number.POSITIVE_INFINITY,
  };
}

/** An envelope with a frame of each of these clients. */
function envelope(...principals: (Principal | undefined)[]): Buffer {
  return encodeRequestEnvelope({
    listener: 'SASL',
    advertised: { host: 'h', port: 9092 },
    frames: principals.map((principal, index) => ({ frame: heartbeat, host: `10.0.0.${index}`, principal })),
  });
}

describe('the principal of a frame', () => {
  it('is the one that the gateway vouches for, or the gateway', async () => {
    const call = serving();
    await serveEnvelope(call, envelope('User:ada', undefined, 'User:bob'));
    expect(call.contexts.map(({ principal, host }) => [principal, host])).toEqual([
      ['User:ada', '10.0.0.0'],
      ['User:gateway', '10.0.0.1'],
      ['User:bob', '10.0.0.2'],
    ]);
  });

  it('is the gateway where it is older and sends none', async () => {
    const call = serving(decideBy(() => false));
    const json = '{"listener":"L","advertised":{"host":"h","port":9092},"frames":[{"host":"::1"}]}';
    const size = Buffer.alloc(4);
    size.writeUInt32BE(heartbeat.length);
    const old = Buffer.concat([
      Buffer.from(`\x01\x00\x00\x00${String.fromCharCode(json.length)}${json}`),
      size,
      heartbeat,
    ]);
    expect(await serveEnvelope(call, old)).toEqual({ format: 1, answers: [{ kind: 'none' }] });
    expect(call.contexts.map(({ principal, host }) => [principal, host])).toEqual([['User:gateway', '::1']]);
  });

  it('is the caller without an envelope', async () => {
    const call = serving();
    await serveFrame(call, heartbeat);
    expect(call.contexts.map(({ principal }) => principal)).toEqual(['User:gateway']);
  });
});

describe.each([
  ['at once', decideBy],
  ['later', decideLater],
])('a caller that vouches for others, by an authorizer that answers %s', (_, deciding) => {
  it('needs CLUSTER_ACTION, as Kafka asks of brokers that send requests of others', async () => {
    const asked: string[] = [];
    const call = serving(
      deciding((operation, { type }) => {
        asked.push(`${operation} ${type}`);
        return false;
      }),
    );
    const refusal = { kind: 'refused', status: 403, message: expect.stringContaining('User:gateway may not') };
    expect(await serveEnvelope(call, envelope(undefined, 'User:ada'))).toEqual(refusal);
    expect(asked).toEqual(['CLUSTER_ACTION CLUSTER']);
    expect(call.contexts).toEqual([]);
  });

  it('is served with it', async () => {
    const call = serving(deciding((operation) => operation === 'CLUSTER_ACTION'));
    expect(await serveEnvelope(call, envelope('User:ada'))).toEqual({ format: 1, answers: [{ kind: 'none' }] });
    expect(call.contexts.map(({ principal }) => principal)).toEqual(['User:ada']);
  });
});

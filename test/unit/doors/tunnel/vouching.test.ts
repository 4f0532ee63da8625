import { expect, it } from 'vitest';
import type { CallOutcome } from '../../../../lib/doors/tunnel/transport.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { frameOf, produceFrame, tunnelRig } from '../../../support/fake-transport.ts';

const heartbeat = (id: number) => frameOf(ApiKey.Heartbeat, 4, id, { groupId: 'g', generationId: 1, memberId: 'm' });

it('a gateway without authentication sends what every function reads', async () => {
  const rig = tunnelRig();
  const connection = rig.connect();
  connection.send(heartbeat(1));
  connection.send(produceFrame(2));
  await rig.turn();
  expect(rig.transport.calls.map(({ name, format }) => [name, format]).sort()).toEqual([
    ['coordinate', 1],
    ['produce', 1],
  ]);
});

it('each frame carries the principal of its connection, also where several share a flush', async () => {
  const rig = tunnelRig();
  rig.connect('SASL', 'User:ada').send(produceFrame(1));
  rig.connect('SASL', 'User:bob').send(produceFrame(2));
  rig.connect('SASL').send(produceFrame(3));
  rig.connect('SASL', 'User:ada').send(heartbeat(4));
  await rig.turn();
  const sent = rig.transport.calls.map(({ name, format, ids, envelope }) => ({
    name,
    format,
    frames: ids.map((id, index) => [id, envelope.frames[index]!.principal]),
  }));
  expect(sent).toContainEqual({ name: 'coordinate', format: 2, frames: [[4, 'User:ada']] });
  expect(sent).toContainEqual({
    name: 'produce',
    format: 2,
    frames: [
      [1, 'User:ada'],
      [2, 'User:bob'],
      [3, undefined],
    ],
  });
});

it('a function that is too old for principals serves nothing, and the connection closes', async () => {
  const rig = tunnelRig();
  // What a function answers that knows format 1 only.
  const message = '400: not an envelope of frames: envelope format 2 is unknown to this program';
  const tooOld: CallOutcome = { kind: 'refused', reason: 'rejected', message };
  rig.transport.automatic = (call) => call.end(tooOld);
  const connection = rig.connect('SASL', 'User:ada');
  connection.send(heartbeat(1));
  connection.send(produceFrame(2));
  await rig.turn();
  expect(connection.outcomes).toMatchObject([
    { kind: 'close', reason: expect.stringContaining('format 2 is unknown') },
    { kind: 'close', reason: expect.stringContaining('format 2 is unknown') },
  ]);
  expect(rig.transport.calls).toHaveLength(2);
});

import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

/** A request may need several turns of the event loop: read, dispatched, answered, read again. */
const ROUND_TRIPS = 10;
/** A value that is the same after so many looks has stopped changing. */
const SAME_LOOKS = 3;

/**
 * Resolves when servers in this process have handled every byte that was sent to them before the call, however slow
 * the machine is. A byte that takes a later round trip over the loopback cannot overtake them: one event loop serves
 * all sockets of the process, in the order in which they became readable. Work that waits for a timer or for a disk
 * is not covered.
 */
export async function settled(): Promise<void> {
  const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const socket = connect((echo.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const back = once(socket, 'data');
    socket.write('.');
    await back;
  }
  socket.destroy();
  echo.close();
  await once(echo, 'close');
}

/** Resolves with the value once it no longer changes while the process settles. */
export async function unchanged(read: () => number): Promise<number> {
  let last = read();
  for (let same = 0; same < SAME_LOOKS; ) {
    await settled();
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

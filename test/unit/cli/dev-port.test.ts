import { expect, it } from 'vitest';
import { takePort } from '../../../lib/cli/dev-port.ts';

it.each([
  ['', ''],
  ['--num-partitions 3', '--num-partitions 3'],
  ['--port 9094', '--listeners PLAINTEXT://127.0.0.1:9094'],
  ['--port=0 --store memory', '--store memory --listeners PLAINTEXT://127.0.0.1:0'],
])('%j becomes %j', (line, expected) => {
  expect(takePort(line.split(' '))).toEqual({ kind: 'args', args: expected.split(' ') });
});

it.each(['--port', '--port=', '--port x', '--port 65536', '--port -1', '--port --store'])('%j is refused', (line) => {
  expect(takePort(line.split(' '))).toMatchObject({
    kind: 'usage',
    message: expect.stringContaining('from 0 to 65535'),
  });
});

it.each(['--port 1 --listeners PLAINTEXT://127.0.0.1:2', '--listeners=x --port 1', '--port 1 --port=2'])(
  '%j is refused',
  (line) => {
    expect(takePort(line.split(' '))).toMatchObject({ kind: 'usage', message: expect.stringContaining('one of them') });
  },
);

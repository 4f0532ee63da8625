import { expect, it } from 'vitest';
import { addDevFlags } from '../../../lib/cli/dev.ts';
import { newProgram } from '../../../lib/cli/program.ts';
import { silentIo } from './silent-io.ts';

/** The texts of the settings by field that the flags of `tidelog dev` give. */
function given(line: string): Record<string, string> {
  const program = newProgram('dev', '', silentIo());
  const { values } = addDevFlags(program);
  program.parse(line.split(' '), { from: 'user' });
  return Object.fromEntries([...values].map(([field, { text }]) => [field, text]));
}

it.each([
  ['--num-partitions 3', { numPartitions: '3' }],
  ['--port 9094', { listeners: 'PLAINTEXT://127.0.0.1:9094' }],
  ['--port=0 --store memory', { store: 'memory', listeners: 'PLAINTEXT://127.0.0.1:0' }],
])('%j means %j', (line, expected) => {
  expect(given(line)).toEqual(expected);
});

it.each(['--port', '--port=', '--port x', '--port 65536', '--port -1', '--port --store'])('%j is refused', (line) => {
  expect(() => given(line)).toThrow('from 0 to 65535');
});

it.each([
  '--port 1 --listeners PLAINTEXT://127.0.0.1:2',
  '--listeners=x --port 1',
  '--tidelog-listeners=x --port 1',
  '--port 1 --port=2',
])('%j is refused', (line) => {
  expect(() => given(line)).toThrow('one of them');
});

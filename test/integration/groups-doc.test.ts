import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../lib/run/start.ts';
import { cliOf, startMemoryTidelog } from './cli/cli-run.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/GROUPS.md'), 'utf8');

interface DocumentedLine {
  readonly line: string;
  readonly output: string;
}

/** The command lines in the page, each with the output that it shows. */
function documentedLines(): DocumentedLine[] {
  return [...text.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block]) =>
    block!
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [line = '', ...output] = part.split('\n');
        return { line, output: output.join('\n') };
      }),
  );
}

/** `[printf '...' |] tidelog ARGS [| sort]` */
const LINE = /^(?:printf '([^']*)' \| )?tidelog ([^|]+?)( \| sort)?$/;

describe('docs/GROUPS.md', () => {
  let tidelog: Tidelog;
  const cli = cliOf(() => tidelog.bootstrapServers);

  beforeAll(async () => {
    tidelog = await startMemoryTidelog();
  });
  afterAll(() => tidelog.close());

  it('shows command lines as they run', async () => {
    const lines = documentedLines();
    expect(lines.length).toBeGreaterThan(10);
    for (const { line, output } of lines) {
      const [, input, args, sorted] = LINE.exec(line) ?? [];
      if (args === undefined) throw new Error(`not a line that this test can run: ${line}`);
      const options = input === undefined ? {} : { input: input.replaceAll('\\n', '\n') };
      const { exitCode, out } = await cli(args.split(' '), options);
      const shown = sorted === undefined ? out : `${out.trim().split('\n').sort().join('\n')}\n`;
      expect({ line, exitCode, output: shown }).toEqual({ line, exitCode: 0, output });
    }
  });
});

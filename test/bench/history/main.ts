import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

// A long history through one topic of the embedded store: how fast it is written, sealed and read, and
// what of the disk comes back. Run it with: npm run bench:history [-- GIB [NODE_FLAG...]]

const [gib = '10', ...nodeFlags] = process.argv.slice(2);

/** Below the project, so that packages are found; ignored by git. Users run compiled code, and so does this. */
const program = resolve(
  import.meta.dirname,
  '../../../node_modules/.cache/tidelog-bench',
  `history-${process.pid}.mjs`,
);
const dataDir = mkdtempSync(join(tmpdir(), 'tidelog-history-'));
let child: ChildProcess | undefined;
const endAll = () => {
  child?.kill('SIGKILL');
  rmSync(dataDir, { recursive: true, force: true });
  rmSync(program, { force: true });
};
process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await build({
  entryPoints: [resolve(import.meta.dirname, 'program.ts')],
  outfile: program,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
});
child = spawn(process.execPath, [...nodeFlags, program, dataDir, gib], { stdio: 'inherit' });
const [code] = await once(child, 'exit');
process.exitCode = code ?? 1;

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A `docker` that notes what it is told; its LocalStack is a page that says that it is healthy. */
const PROGRAM = `#!${process.execPath}
const { spawn } = require('node:child_process');
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const args = process.argv.slice(2);
appendFileSync(join(__dirname, 'calls'), JSON.stringify(args) + '\\n');
const pidFile = join(__dirname, 'pid');
if (args.includes('up')) {
  const services = Object.fromEntries(['cloudformation', 'dynamodb', 's3', 'lambda'].map((name) => [name, 'available']));
  const page = JSON.stringify({ services, version: '4.14.0' });
  const server = "require('node:http').createServer((_, answer) => answer.end(process.argv[1])).listen(Number(process.argv[2]), '127.0.0.1')";
  const child = spawn(process.execPath, ['-e', server, page, process.env.TIDELOG_LOCALSTACK_PORT], { detached: true, stdio: 'ignore' });
  writeFileSync(pidFile, String(child.pid));
  child.unref();
}
if (args.includes('down')) process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
`;

export interface FakeDocker {
  /** The folder that goes in front of PATH. */
  readonly folder: string;
  /** The arguments of each call so far. */
  calls(): readonly (readonly string[])[];
}

export function fakeDocker(base: string): FakeDocker {
  const folder = join(base, 'docker');
  mkdirSync(folder);
  writeFileSync(join(folder, 'docker'), PROGRAM);
  chmodSync(join(folder, 'docker'), 0o755);
  const log = join(folder, 'calls');
  return {
    folder,
    calls: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
        : [],
  };
}

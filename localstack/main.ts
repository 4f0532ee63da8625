#!/usr/bin/env node
import { type DeployFlags, readCommandLine, type UpFlags, UsageError } from './command-line.ts';
import { deployTo } from './deploy.ts';
import { type Endpoint, startEndpoint, stopEndpoint } from './endpoint.ts';
import { EndpointError } from './endpoint-error.ts';
import { healthOf } from './health.ts';
import { forgetUp, rememberedUp, rememberUp } from './up-file.ts';

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** LocalStack's usual port. */
const PORT_DEFAULT = 4566;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function run(args: readonly string[]): Promise<void> {
  const read = readCommandLine(args);
  switch (read.command) {
    case 'up':
      return up(read.flags);
    case 'deploy':
      return deploy(read.flags);
    case 'down':
      return down();
    case 'help':
      return say(read.text.trimEnd());
  }
}

async function up({ port = PORT_DEFAULT, use }: UpFlags): Promise<void> {
  const before = rememberedUp();
  if (before !== undefined && (await healthOf(before.url)) !== undefined) {
    return say(`${nameOf(before)} is up already at ${before.url}.`);
  }
  // The previous endpoint has ended, so its data is deleted too.
  if (before !== undefined) await stopEndpoint(before);
  const endpoint = await startEndpoint({ port, outlives: true, ...(use !== undefined && { use }) });
  if (endpoint.kind === 'given')
    return say(`The endpoint of AWS_ENDPOINT_URL answers at ${endpoint.url}; nothing was started.`);
  rememberUp(endpoint);
  say(`${nameOf(endpoint)} is up at ${endpoint.url}. For programs: export AWS_ENDPOINT_URL=${endpoint.url}`);
}

async function deploy(options: DeployFlags): Promise<void> {
  const given = process.env.AWS_ENDPOINT_URL;
  const endpoint: Endpoint | undefined = given ? { kind: 'given', url: given } : rememberedUp();
  if (endpoint === undefined) {
    throw new EndpointError('There is no endpoint to deploy to: run up first, or name one in AWS_ENDPOINT_URL.');
  }
  const deployed = await deployTo(endpoint, { ...options, onOutput: (text) => process.stderr.write(text) });
  const variables = Object.entries(deployed.environment).filter(([name]) => /URL|REGION|KEY/.test(name));
  say(deployed.changed ? `Tidelog is deployed to ${endpoint.url}.` : `Tidelog was there already; nothing was changed.`);
  say('For Kafka clients:\n');
  say(
    `  ${variables.map(([name, value]) => `${name}=${value}`).join(' ')} \\\n    tidelog gateway --via '${deployed.via}'`,
  );
}

async function down(): Promise<void> {
  const endpoint = rememberedUp();
  if (endpoint === undefined) {
    const given = process.env.AWS_ENDPOINT_URL;
    return say(
      given
        ? `The endpoint at ${given} was not started by up, and is left as it is.`
        : 'There is no endpoint to end: none is up.',
    );
  }
  await stopEndpoint(endpoint);
  forgetUp();
  say(`${nameOf(endpoint)} at ${endpoint.url} has ended.`);
}

function nameOf({ kind }: Endpoint): string {
  return { ministack: 'MiniStack', localstack: 'LocalStack', given: 'The endpoint' }[kind];
}

try {
  await run(process.argv.slice(2));
  process.exitCode = EXIT_OK;
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message} --help tells more.\n`);
    process.exitCode = EXIT_USAGE;
  } else if (error instanceof EndpointError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT_FAILED;
  } else {
    throw error;
  }
}

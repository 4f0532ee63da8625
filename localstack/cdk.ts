import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { devNull } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { EndpointError } from './endpoint-error.ts';
import { lastLines, runProgram } from './run-program.ts';
import { packageRoot, programArguments, workFolder } from './work-folder.ts';

/** The account that LocalStack and MiniStack assign to the credentials below. */
const ACCOUNT = '000000000000';
const REGION = 'us-east-1';

export interface CdkRun {
  readonly endpointUrl: string;
  readonly stacks: readonly string[];
  /** Values for `-c name=value`. */
  readonly context: Readonly<Record<string, string>>;
  /** Receives the output of the CDK. */
  readonly onOutput?: ((text: string) => void) | undefined;
}

export interface CdkDeployed {
  /** By stack, then by name. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** True if the deployment changed anything. */
  readonly changed: boolean;
}

/**
 * The variables with which an AWS SDK, and therefore the CDK, uses only the endpoint. They replace
 * the user's profile and credentials.
 */
export function endpointEnvironment(endpointUrl: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: endpointUrl,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** Bootstraps the endpoint for the CDK: a bucket for assets, and roles. Throws EndpointError. */
export async function bootstrap(endpointUrl: string, onOutput?: (text: string) => void): Promise<void> {
  await cdk(endpointUrl, ['bootstrap', `aws://${ACCOUNT}/${REGION}`], onOutput);
}

/** `cdk deploy` of stacks of Tidelog's own app. Throws EndpointError. */
export async function deployStacks({ endpointUrl, stacks, context, onOutput }: CdkRun): Promise<CdkDeployed> {
  const folder = mkdtempSync(join(workFolder(), 'deploy-'));
  try {
    const outputsFile = join(folder, 'outputs.json');
    const output = await cdk(
      endpointUrl,
      [
        'deploy',
        ...stacks,
        '--exclusively',
        ...['--app', appCommand(), '--output', join(folder, 'cdk.out'), '--outputs-file', outputsFile],
        // Without change sets: the CDK first deletes one that does not exist, which MiniStack
        // refuses.
        ...['--require-approval', 'never', '--progress', 'events', '--method', 'direct'],
        ...Object.entries(context).flatMap(([name, value]) => ['--context', `${name}=${value}`]),
      ],
      onOutput,
    );
    const unchanged = stacks.filter((stack) => output.includes(`${stack} (no changes)`));
    return {
      outputs: existsSync(outputsFile) ? JSON.parse(readFileSync(outputsFile, 'utf8')) : {},
      changed: unchanged.length < stacks.length,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function cdk(endpointUrl: string, args: readonly string[], onOutput?: (text: string) => void): Promise<string> {
  const common = ['--no-notices', '--no-color', '--no-version-reporting'];
  const ran = await runProgram(process.execPath, [cdkProgram(), ...args, ...common], {
    // Not the current folder: it may have the cdk.json of another app.
    cwd: workFolder(),
    env: {
      ...withoutAwsSettings(),
      ...endpointEnvironment(endpointUrl),
      // The app runs on the same Node as this process.
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      // Suppresses the SDK's warnings about versions of Node, at the start of each run.
      NODE_NO_WARNINGS: '1',
    },
    onOutput,
  });
  if (ran.code !== 0) {
    // The app's own output precedes the CDK's line about the failed command.
    const said = ran.output.replace(/^.*: Subprocess exited with error \d+$/m, '');
    throw new EndpointError(`cdk ${args[0]} failed against ${endpointUrl}: ${lastLines(said)}`);
  }
  return ran.output;
}

function withoutAwsSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));
}

/** The CDK of the current project, else the one next to Tidelog. Throws EndpointError. */
function cdkProgram(): string {
  for (const from of [process.cwd(), packageRoot()]) {
    try {
      const manifest = createRequire(join(from, 'package.json')).resolve('aws-cdk/package.json');
      return join(manifest, '..', 'bin', 'cdk');
    } catch {
      // Try the other folder.
    }
  }
  throw new EndpointError('The CDK is not installed: npm install --save-dev aws-cdk aws-cdk-lib constructs.');
}

/**
 * A shell command, which the CDK runs. The CDK does not accept a command that begins with a quote.
 */
function appCommand(): string {
  return ['node', ...programArguments('lib/stacks/app').map((part) => `"${part}"`)].join(' ');
}

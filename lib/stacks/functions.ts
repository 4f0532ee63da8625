import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Effect, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct, type IConstruct } from 'constructs';
import { variableOf } from '../settings/keys.ts';
import { readSettings } from '../settings/settings.ts';
import { acknowledge, wildcardResource } from './acknowledge.ts';
import { keyStatements } from './keys.ts';
import { bundleOf } from './package-files.ts';
import { RIGHTS, type Rights, WAKES } from './rights.ts';
import { StackError } from './stack-error.ts';
import { FUNCTION_NAMES, type FunctionName, type LogRetentionDays } from './stages.ts';
import type { StateResources } from './state.ts';

/**
 * Functions answer within 25 s and both kinds of API give up after 29 s, so a longer run has
 * failed.
 */
const ANSWER_TIMEOUT = Duration.seconds(29);

/** Both work in steps; the next run continues where this one ends. 15 minutes are Lambda's limit. */
const TIMEOUTS: Readonly<Partial<Record<FunctionName, Duration>>> = {
  maintain: Duration.minutes(5),
  seal: Duration.minutes(15),
};

const DESCRIPTIONS: Readonly<Record<FunctionName, string>> = {
  produce: 'Tidelog: appends record batches',
  fetch: 'Tidelog: reads record batches and offsets',
  coordinate: 'Tidelog: consumer groups, committed offsets, producer ids',
  admin: 'Tidelog: topics, configs, metadata',
  rest: 'Tidelog: the REST interface',
  maintain: 'Tidelog: scheduled upkeep',
  seal: 'Tidelog: seals, compacts and deletes history',
};

export interface TidelogFunctionsProps {
  readonly state: StateResources;
  /** Functions are named `${prefix}-produce` and so on. */
  readonly prefix: string;
  readonly memoryMiB: Readonly<Record<FunctionName, number>>;
  readonly reservedConcurrency: Readonly<Partial<Record<FunctionName, number>>>;
  readonly logRetentionDays: LogRetentionDays;
  readonly anonymous: boolean;
  /** Whether `rest` sends its answers as streams. */
  readonly streaming: boolean;
  readonly settings: Readonly<Record<string, string>>;
  readonly functionsFolder: string | undefined;
}

/** All functions, each with its own role and log group. */
export class TidelogFunctions extends Construct {
  readonly functions: Readonly<Record<FunctionName, LambdaFunction>>;

  constructor(scope: Construct, id: string, props: TidelogFunctionsProps) {
    super(scope, id);
    const environment = environmentOf(props);
    const made = FUNCTION_NAMES.map((name) => [name, this.#function(name, props, environment)] as const);
    this.functions = Object.fromEntries(made) as Record<FunctionName, LambdaFunction>;
    for (const [name, woken] of Object.entries(WAKES) as [FunctionName, FunctionName][]) {
      const { functionArn } = this.functions[woken];
      this.functions[name].addToRolePolicy(allow(['lambda:InvokeFunction'], [functionArn]));
    }
  }

  #function(name: FunctionName, props: TidelogFunctionsProps, environment: Record<string, string>): LambdaFunction {
    const functionName = `${props.prefix}-${name}`;
    const reserved = props.reservedConcurrency[name];
    const scope = new Construct(this, name.charAt(0).toUpperCase() + name.slice(1));
    const logGroup = new LogGroup(scope, 'Logs', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: props.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(scope, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: DESCRIPTIONS[name],
      inlinePolicies: {
        stores: new PolicyDocument({ statements: storeStatements(scope, RIGHTS[name], props.state) }),
        logs: new PolicyDocument({
          statements: [allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn])],
        }),
      },
    });
    if (RIGHTS[name].objects.length > 0) acknowledgeObjects(role, props.state);
    const made = new LambdaFunction(scope, 'Function', {
      functionName,
      description: DESCRIPTIONS[name],
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(bundleOf(name, props.functionsFolder)),
      handler: name === 'rest' && props.streaming ? 'index.streaming' : 'index.handler',
      memorySize: props.memoryMiB[name],
      timeout: TIMEOUTS[name] ?? ANSWER_TIMEOUT,
      environment,
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      // Leaves out START, END and REPORT, three lines for every call. Calls that fail or time out are
      // still logged.
      systemLogLevelV2: SystemLogLevel.WARN,
      // The lowest one. The functions choose themselves by `log.level`; a line without `timestamp` is
      // INFO to Lambda, whatever it says.
      applicationLogLevelV2: ApplicationLogLevel.TRACE,
      ...(reserved === undefined ? {} : { reservedConcurrentExecutions: reserved }),
    });
    const failures =
      name in TIMEOUTS
        ? 'A run that failed is made good by the next one, which finds the same things due; its event holds nothing worth keeping.'
        : 'It is called for its answer only; a call that nobody waits for has no use, and no work of it would be left over.';
    acknowledge(made, {
      'Serverless-LambdaDLQ': failures,
      'Serverless-LambdaTracing':
        'The rights for X-Ray exist for the resource * only, and each trace is billed. Metrics and log lines carry the durations.',
    });
    return made;
  }
}

/**
 * The settings as variables. They are checked here, so that a mistake fails the synthesis and not
 * each function's start.
 */
export function environmentOf(props: {
  readonly state: StateResources;
  readonly settings: Readonly<Record<string, string>>;
  readonly anonymous?: boolean;
}): Record<string, string> {
  const { state, settings, anonymous = false } = props;
  const own = {
    'tidelog.store': 'aws',
    'tidelog.journal.table': state.journalTable.tableName,
    'tidelog.state.table': state.stateTable.tableName,
    'tidelog.bucket': state.bucket.bucketName,
    ...(anonymous ? { 'tidelog.functions.anonymous': 'true' } : {}),
  };
  const taken = Object.keys(settings).filter((key) => key in own);
  if (taken.length > 0) throw new StackError(`settings: ${taken.join(', ')} cannot be set; the stack does.`);
  const outcome = readSettings({ ...settings, ...own });
  if (outcome.kind === 'invalid') throw new StackError(`settings: ${outcome.problems.join(' ')}`);
  return Object.fromEntries(Object.entries({ ...own, ...settings }).map(([key, value]) => [variableOf(key), value]));
}

/** One statement for each store that a role has actions on, and for each customer's key of these. */
export function storeStatements(scope: IConstruct, rights: Rights, state: StateResources): PolicyStatement[] {
  const { journalTable, stateTable, bucket } = state;
  const wanted: [readonly string[], string][] = [
    [rights.journalTable, journalTable.tableArn],
    [rights.stateTable, stateTable.tableArn],
    [rights.objects, bucket.arnForObjects('*')],
    [rights.bucket, bucket.bucketArn],
  ];
  const stores = wanted.filter(([actions]) => actions.length > 0).map(([actions, arn]) => allow(actions, [arn]));
  return [...stores, ...keyStatements(scope, rights, state)];
}

/** The only wildcard: S3 has no other ARN for all objects of a bucket. */
export function acknowledgeObjects(role: IConstruct, { bucket }: StateResources): void {
  acknowledge(role, {
    [wildcardResource(role, bucket.arnForObjects('*'))]:
      'Objects get a new name with each write; the bucket holds nothing but those of this Tidelog.',
  });
}

function allow(actions: readonly string[], resources: readonly string[]): PolicyStatement {
  return new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] });
}

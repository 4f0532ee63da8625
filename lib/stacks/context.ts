import {
  clientList,
  keyChoice,
  type Parsed,
  reservedConcurrency,
  subnetIds,
  taskCounts,
  vpcId,
} from './context-values.ts';
import {
  DEFAULT_STAGE,
  FRONT_DOORS,
  type JwtIssuer,
  type Place,
  SMALL_GATEWAY,
  STAGES,
  type Stage,
  type StageName,
} from './stages.ts';

/** What to synthesize: a stage, with the changes of `-c name=value`. */
export interface Deployment {
  readonly stage: Stage;
  /** The folder with one folder per function. Default: the package's own. */
  readonly functionsFolder: string | undefined;
}

export type ContextOutcome =
  | { readonly kind: 'deployment'; readonly deployment: Deployment }
  /** One sentence: what is wrong and what is allowed. */
  | { readonly kind: 'invalid'; readonly problem: string };

/**
 * The names that CloudFormation allows for stacks; 40 characters leave room for `-coordinate` in
 * the 64 of a function's name.
 */
const PREFIX = /^(?=.{1,40}$)[A-Za-z](-?[A-Za-z0-9])*$/;

const SWITCHES = ['on', 'off'] as const;

/** The second is not there yet: it is known so that it can be refused with the reason. */
const BALANCERS = ['internal', 'public'] as const;

/** The options that make no sense without gateways. */
const GATEWAY_OPTIONS = ['tasks', 'vpc', 'subnets', 'publicAddresses', 'clients', 'balancer'] as const;

/** The variables that decide what can be synthesized. The CDK's CLI sets the last two. */
export type ContextEnvironment = Readonly<
  Partial<Record<'AWS_ENDPOINT_URL' | 'CDK_DEFAULT_ACCOUNT' | 'CDK_DEFAULT_REGION', string | undefined>>
>;

/**
 * Reads the context values that docs/DEPLOY.md lists. The stage sets everything else.
 *
 * @param environment without AWS_ENDPOINT_URL the CDK deploys to an account of AWS; account and Region
 *   are those of the credentials
 */
export function readContext(given: (name: string) => unknown, environment: ContextEnvironment = {}): ContextOutcome {
  const values = new ContextValues(given);
  const stage: Stage = STAGES[values.oneOf('stage', Object.keys(STAGES) as StageName[]) ?? DEFAULT_STAGE];
  if (stage.anonymous && (environment.AWS_ENDPOINT_URL ?? '') === '') {
    values.problems.push(
      `-c stage=${given('stage')} lets callers in without an IAM identity, so it is for an AWS-compatible endpoint only; set AWS_ENDPOINT_URL to its address, or choose another stage.`,
    );
  }
  const prefix = given('prefix') ?? stage.prefix;
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    values.problems.push(
      `-c prefix=${prefix} cannot name a stack; take up to 40 letters, digits and single hyphens, beginning with a letter.`,
    );
  }
  const functionsFolder = given('functions');
  if (functionsFolder !== undefined && (typeof functionsFolder !== 'string' || functionsFolder === '')) {
    values.problems.push('-c functions= needs the path of a folder.');
  }
  const frontDoor = values.oneOf('api', FRONT_DOORS) ?? stage.frontDoor;
  const jwt = jwtOf(values) ?? stage.jwt;
  if (jwt !== undefined && frontDoor !== 'http') {
    values.problems.push(
      `-c jwtIssuer= needs an HTTP API, which checks the tokens; with -c api=${frontDoor} nothing does.`,
    );
  }
  const { gateway: _, network: __, ...rest } = stage;
  const deployment: Deployment = {
    stage: {
      ...rest,
      prefix: prefix as string,
      frontDoor,
      ...(jwt !== undefined && { jwt }),
      tableKey: values.parsed('tableKey', (text) => keyChoice('tableKey', text)) ?? stage.tableKey,
      bucketKey: values.parsed('bucketKey', (text) => keyChoice('bucketKey', text)) ?? stage.bucketKey,
      pointInTimeRecovery: values.isOn('pointInTimeRecovery') ?? stage.pointInTimeRecovery,
      accessLog: values.isOn('accessLog') ?? stage.accessLog,
      reservedConcurrency: values.parsed('reservedConcurrency', reservedConcurrency) ?? stage.reservedConcurrency,
      ...gatewayOf(stage, values, environment),
    },
    functionsFolder: functionsFolder as string | undefined,
  };
  const { problems } = values;
  return problems.length > 0 ? { kind: 'invalid', problem: problems.join(' ') } : { kind: 'deployment', deployment };
}

/** The gateways of the stage, with the changes of the options; nothing if there are none. */
function gatewayOf(
  stage: Stage,
  values: ContextValues,
  environment: ContextEnvironment,
): Pick<Stage, 'gateway' | 'network'> {
  const wanted = values.isOn('gateway') ?? stage.gateway !== undefined;
  if (!wanted) {
    const idle = GATEWAY_OPTIONS.filter((name) => values.given(name) !== undefined);
    if (idle.length > 0) values.problems.push(`-c ${idle[0]}= is for gateways; add -c gateway=on.`);
    return {};
  }
  if (values.oneOf('balancer', BALANCERS) === 'public') {
    values.problems.push(
      '-c balancer=public would open a port to the Internet on which everybody reads and writes: the gateways have neither TLS nor logins yet. Leave it internal, or run the tunnel (tidelog gateway --via) beside the clients.',
    );
  }
  const vpc = values.parsed('vpc', vpcId) ?? stage.network?.vpc;
  const subnets = values.parsed('subnets', subnetIds) ?? stage.network?.subnets;
  const hasPublicAddresses = values.isOn('publicAddresses') ?? stage.network?.hasPublicAddresses;
  const clients = values.parsed('clients', clientList) ?? stage.network?.clients;
  if (subnets !== undefined && vpc === undefined) values.problems.push('-c subnets= needs -c vpc=ID.');
  if (subnets !== undefined && clients === undefined) {
    values.problems.push('-c subnets= needs -c clients=, as the range of the VPC is not known without a look-up.');
  }
  if (hasPublicAddresses !== undefined && subnets === undefined) {
    values.problems.push('-c publicAddresses= needs -c subnets=; elsewhere the kind of the subnets decides.');
  }
  return {
    gateway: { ...(stage.gateway ?? SMALL_GATEWAY), ...values.parsed('tasks', taskCounts) },
    ...(vpc === undefined && clients === undefined
      ? {}
      : {
          network: {
            ...(vpc !== undefined && { vpc }),
            ...(vpc !== undefined && subnets === undefined && { place: placeOf(stage, vpc, values, environment) }),
            ...(subnets !== undefined && { subnets }),
            ...(hasPublicAddresses !== undefined && { hasPublicAddresses }),
            ...(clients !== undefined && { clients }),
          },
        }),
  };
}

function jwtOf(values: ContextValues): JwtIssuer | undefined {
  const [issuer, audience] = [values.given('jwtIssuer'), values.given('jwtAudience')];
  if (issuer === undefined && audience === undefined) return undefined;
  const names = typeof audience === 'string' ? audience.split(',').filter((name) => name !== '') : [];
  if (typeof issuer === 'string' && /^https:\/\/\S+$/.test(issuer) && names.length > 0) {
    return { issuer, audience: names };
  }
  values.problems.push('-c jwtIssuer= needs the https address of the issuer, and -c jwtAudience= one or more names.');
  return undefined;
}

/** A VPC is looked up in one account and Region. */
function placeOf(stage: Stage, vpc: string, values: ContextValues, environment: ContextEnvironment): Place {
  const account = stage.account ?? environment.CDK_DEFAULT_ACCOUNT;
  const region = stage.region ?? environment.CDK_DEFAULT_REGION;
  if (account !== undefined && region !== undefined) return { account, region };
  values.problems.push(
    `-c vpc=${vpc} is looked up in the account, which takes credentials and a Region; or name its subnets by -c subnets=.`,
  );
  return { account: '', region: '' };
}

/** Reads single values and gathers what is wrong with them. */
class ContextValues {
  readonly given: (name: string) => unknown;
  readonly problems: string[] = [];

  constructor(given: (name: string) => unknown) {
    this.given = given;
  }

  oneOf<Value extends string>(name: string, allowed: readonly Value[]): Value | undefined {
    const value = this.given(name);
    if (value === undefined || allowed.includes(value as Value)) return value as Value | undefined;
    this.problems.push(`-c ${name}=${value} is unknown; choose one of ${allowed.join(', ')}.`);
    return undefined;
  }

  isOn(name: string): boolean | undefined {
    const value = this.oneOf(name, SWITCHES);
    return value === undefined ? undefined : value === 'on';
  }

  parsed<Value>(name: string, parse: (text: string) => Parsed<Value>): Value | undefined {
    const value = this.given(name);
    if (value === undefined) return undefined;
    const outcome = parse(String(value));
    if ('value' in outcome) return outcome.value;
    this.problems.push(outcome.problem);
    return undefined;
  }
}

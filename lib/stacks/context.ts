import {
  DEFAULT_STAGE,
  FRONT_DOORS,
  type JwtIssuer,
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

/**
 * Reads the context values `stage`, `api`, `prefix`, `gateway`, `jwtIssuer`, `jwtAudience` and
 * `functions`. The stage sets
 * everything else.
 *
 * @param endpointUrl AWS_ENDPOINT_URL, without which the CDK deploys to an account of AWS
 */
export function readContext(given: (name: string) => unknown, endpointUrl?: string): ContextOutcome {
  const problems: string[] = [];
  const oneOf = <Value extends string>(name: string, allowed: readonly Value[]): Value | undefined => {
    const value = given(name);
    if (value === undefined || allowed.includes(value as Value)) return value as Value | undefined;
    problems.push(`-c ${name}=${value} is unknown; choose one of ${allowed.join(', ')}.`);
    return undefined;
  };
  const names = Object.keys(STAGES) as StageName[];
  const stage: Stage = STAGES[oneOf('stage', names) ?? DEFAULT_STAGE];
  if (stage.anonymous && (endpointUrl ?? '') === '') {
    problems.push(
      `-c stage=${given('stage')} lets callers in without an IAM identity, so it is for an AWS-compatible endpoint only; set AWS_ENDPOINT_URL to its address, or choose another stage.`,
    );
  }
  const frontDoor = oneOf('api', FRONT_DOORS) ?? stage.frontDoor;
  const jwt = readJwt(given('jwtIssuer'), given('jwtAudience'), problems) ?? stage.jwt;
  if (jwt !== undefined && frontDoor !== 'http') {
    problems.push(`-c jwtIssuer= needs an HTTP API, which checks the tokens; with -c api=${frontDoor} nothing does.`);
  }
  const gateway = oneOf('gateway', SWITCHES);
  const prefix = given('prefix') ?? stage.prefix;
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    problems.push(
      `-c prefix=${prefix} cannot name a stack; take up to 40 letters, digits and single hyphens, beginning with a letter.`,
    );
  }
  const functionsFolder = given('functions');
  if (functionsFolder !== undefined && (typeof functionsFolder !== 'string' || functionsFolder === '')) {
    problems.push('-c functions= needs the path of a folder.');
  }
  if (problems.length > 0) return { kind: 'invalid', problem: problems.join(' ') };
  const { gateway: size, ...rest } = stage;
  const wanted = gateway === 'off' ? undefined : (size ?? (gateway === 'on' ? SMALL_GATEWAY : undefined));
  return {
    kind: 'deployment',
    deployment: {
      stage: {
        ...rest,
        prefix: prefix as string,
        frontDoor,
        ...(jwt === undefined ? {} : { jwt }),
        ...(wanted === undefined ? {} : { gateway: wanted }),
      },
      functionsFolder: functionsFolder as string | undefined,
    },
  };
}

function readJwt(issuer: unknown, audience: unknown, problems: string[]): JwtIssuer | undefined {
  if (issuer === undefined && audience === undefined) return undefined;
  const names = typeof audience === 'string' ? audience.split(',').filter((name) => name !== '') : [];
  if (typeof issuer === 'string' && /^https:\/\/\S+$/.test(issuer) && names.length > 0)
    return { issuer, audience: names };
  problems.push('-c jwtIssuer= needs the https address of the issuer, and -c jwtAudience= one or more names.');
  return undefined;
}

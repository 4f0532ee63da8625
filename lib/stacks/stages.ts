import { FRAME_FUNCTIONS } from '../broker/apis.ts';

/** The functions behind the front door: those that serve Kafka frames, and the one that serves REST. */
export const CALLED_FUNCTIONS = [...FRAME_FUNCTIONS, 'rest'] as const;

export type CalledFunction = (typeof CALLED_FUNCTIONS)[number];

/** Every function of the Service stack: also the scheduled upkeep, and the work on history. */
export const FUNCTION_NAMES = [...CALLED_FUNCTIONS, 'maintain', 'seal'] as const;

export type FunctionName = (typeof FUNCTION_NAMES)[number];

/**
 * The entrance for requests: an HTTP API ($1 per million), a REST API ($3.50; the only one that WAF
 * and LocalStack's free versions support), or a URL per function (no fee and no throttling of its
 * own). All require IAM signatures.
 */
export const FRONT_DOORS = ['http', 'rest', 'url'] as const;

export type FrontDoorKind = (typeof FRONT_DOORS)[number];

/**
 * Who issues the tokens that callers of REST send in place of an IAM signature. API Gateway checks
 * them before it calls the function.
 */
export interface JwtIssuer {
  /** Its URL, behind which API Gateway finds its keys. */
  readonly issuer: string;
  /** A token has to be meant for one of these. */
  readonly audience: readonly string[];
}

/** What happens to tables and bucket when their stack is deleted or would replace them. */
export type Removal = 'retain' | 'destroy';

/** Days that CloudWatch Logs keeps log lines; a subset of the allowed values. */
export type LogRetentionDays = 1 | 3 | 5 | 7 | 14 | 30 | 60 | 90 | 180 | 365;

/**
 * Which key encrypts: the service's own, for which AWS charges nothing; the account's key for the
 * service, `aws/dynamodb` or `aws/s3`; or a customer's key, by its ARN.
 */
export type KeyChoice = 'owned' | 'aws' | `arn:${string}`;

/** API Gateway's token bucket for all routes together; beyond it callers get 429. */
export interface Throttling {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

/** The fleet of gateways, always on and billed by the hour. Sizes are those that Fargate offers. */
export interface GatewaySize {
  /** As many tasks run at least. */
  readonly tasks: number;
  /** As many run at most, by CPU and connections. Default: `tasks`, so that nothing is scaled. */
  readonly tasksMax?: number;
  /** 256 is a quarter of a virtual CPU. */
  readonly cpu: 256 | 512 | 1024 | 2048;
  readonly memoryMiB: number;
}

/** An account and a Region of AWS. */
export interface Place {
  readonly account: string;
  readonly region: string;
}

/** Where gateways and their clients are. */
export interface GatewayNetwork {
  /** An existing VPC, by its id. Default: a new one. */
  readonly vpc?: string;
  /** Where the VPC is looked up. Default: the stage's account and Region. */
  readonly place?: Place;
  /**
   * Subnets of the VPC, by their ids. Default: the CDK looks the VPC up in the account, and takes its
   * private subnets with a way out, or else its public ones.
   */
  readonly subnets?: readonly string[];
  /** The tasks get public addresses. Needed in `subnets` that are public. Default: false. */
  readonly hasPublicAddresses?: boolean;
  /**
   * Who may connect: IPv4 ranges (`10.0.0.0/8`), security groups (`sg-...`), prefix lists (`pl-...`).
   * Default: the VPC's own range.
   */
  readonly clients?: readonly string[];
}

/** Tables and a bucket that another stack retained or that a backup was restored to. */
export interface ExistingState {
  readonly journalTable: string;
  readonly stateTable: string;
  readonly bucket: string;
}

/** Everything that differs between deployments. */
export interface Stage {
  /** Stacks are named `${prefix}-State` and so on, functions `${prefix}-produce` in lower case. */
  readonly prefix: string;
  /** Default: the account and region of the credentials. */
  readonly account?: string;
  readonly region?: string;
  readonly removal: Removal;
  /** Existing tables and an existing bucket, by name; then there is no State stack. */
  readonly existing?: ExistingState;
  readonly tableKey: KeyChoice;
  readonly bucketKey: KeyChoice;
  /** Point-in-time recovery of the tables, billed by their size. */
  readonly pointInTimeRecovery: boolean;
  readonly frontDoor: FrontDoorKind;
  /** Default: REST asks for IAM signatures, as frames always do. Only for the front door `http`. */
  readonly jwt?: JwtIssuer;
  readonly throttling: Throttling;
  /**
   * A line for every request at the front door. Off by default: log deliveries need one of the ten
   * resource policies of CloudWatch Logs in an account and Region, and where all are taken, the
   * deployment fails.
   */
  readonly accessLog: boolean;
  /** MiB, which also set the share of a CPU: 1,769 are one. */
  readonly memoryMiB: Readonly<Record<FunctionName, number>>;
  /**
   * Instances that a function keeps for itself and does not exceed. Default: none; the functions share
   * the account's concurrency with everything else.
   */
  readonly reservedConcurrency: Readonly<Partial<Record<FunctionName, number>>>;
  readonly logRetentionDays: LogRetentionDays;
  /** Minutes between two runs of the scheduled upkeep. */
  readonly maintenanceMinutes: number;
  /**
   * Minutes between two scheduled runs of `seal`: how much later than due the history of topics is
   * looked after that nobody writes to.
   */
  readonly sealMinutes: number;
  /** Accepts callers without an IAM identity; only for an endpoint that passes none on. */
  readonly anonymous: boolean;
  /**
   * Whether a REST API passes answers of REST on as they come; not for an endpoint whose Lambda knows no
   * streams.
   */
  readonly streaming: boolean;
  /** Default: no gateway, so nothing is billed by the hour. */
  readonly gateway?: GatewaySize;
  /** Where the gateways are. Default: a network of their own. */
  readonly network?: GatewayNetwork;
  /** Settings of all functions and gateways by their keys, as in a server.properties file. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * A quarter of a virtual CPU is enough to fold a journal and answer; more memory shortens cold
 * starts. `seal` holds a segment set of 64 MiB, and beside it a compaction with its offset map and an
 * object.
 */
const SMALL_FUNCTIONS = {
  produce: 512,
  fetch: 256,
  coordinate: 256,
  admin: 256,
  rest: 512,
  maintain: 512,
  seal: 1024,
} as const;

/** Fargate's smallest task, twice, so that one can be replaced while the other one serves. */
export const SMALL_GATEWAY: GatewaySize = { tasks: 2, cpu: 256, memoryMiB: 512 };

const production: Stage = {
  prefix: 'Tidelog',
  removal: 'retain',
  tableKey: 'owned',
  bucketKey: 'owned',
  pointInTimeRecovery: true,
  frontDoor: 'http',
  accessLog: false,
  // Newer Regions give an account 2,500 requests a second with a burst of 1,250.
  throttling: { requestsPerSecond: 1_000, burst: 1_000 },
  memoryMiB: SMALL_FUNCTIONS,
  reservedConcurrency: {},
  logRetentionDays: 30,
  maintenanceMinutes: 60,
  sealMinutes: 15,
  anonymous: false,
  streaming: true,
  settings: { 'tidelog.profile': 'default' },
};

/** The stages of Tidelog. `-c stage=NAME` deploys any stage in this list. */
export const STAGES = {
  /** The default stage. */
  prod: production,
  dev: {
    ...production,
    prefix: 'Tidelog-Dev',
    removal: 'destroy',
    pointInTimeRecovery: false,
    throttling: { requestsPerSecond: 100, burst: 200 },
    logRetentionDays: 7,
  },
  /**
   * For an AWS-compatible endpoint on this machine, which checks no signatures and is temporary.
   * The app refuses it without AWS_ENDPOINT_URL. Its prefix is its own, so that it never names the
   * stacks of another stage.
   */
  local: {
    ...production,
    prefix: 'Tidelog-Local',
    removal: 'destroy',
    logRetentionDays: 1,
    anonymous: true,
    streaming: false,
    // MiniStack runs one call of a function at a time, so a waiting call delays all others.
    settings: { ...production.settings, 'tidelog.functions.wait.max.ms': '500' },
  },
} as const satisfies Readonly<Record<string, Stage>>;

export type StageName = keyof typeof STAGES;

export const DEFAULT_STAGE: StageName = 'prod';

import { Names } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { createFrontDoor } from './front-door/create.ts';
import type { FrontDoor } from './front-door/front-door.ts';
import { FunctionSchedule } from './function-schedule.ts';
import { TidelogFunctions } from './functions.ts';
import { keyStatements } from './keys.ts';
import { CALLS, REST_REQUESTS, TAIL_ACTIONS, TAIL_RIGHTS } from './rights.ts';
import {
  DEFAULT_STAGE,
  type FrontDoorKind,
  type FunctionName,
  type JwtIssuer,
  type LogRetentionDays,
  type Removal,
  STAGES,
  type Stage,
  type Throttling,
} from './stages.ts';
import { type StateResources, TidelogState } from './state.ts';

/** Every property has a default: those of the stage `prod`. */
export interface TidelogProps {
  /** Existing tables and an existing bucket, for example of another stack. Default: new ones. */
  readonly state?: StateResources;
  /** What happens to new tables and a new bucket when the stack is deleted. Default: `retain`. */
  readonly removal?: Removal;
  /**
   * Functions are named `${functionPrefix}-produce` and so on; `tidelog gateway --via
   * lambda:PREFIX` finds them by it. Up to 40 characters, unique in account and region. Default:
   * made from the construct's path, in lower case.
   */
  readonly functionPrefix?: string;
  /** The entrance for requests. Default: `http`, an HTTP API. All require IAM signatures. */
  readonly frontDoor?: FrontDoorKind;
  /**
   * Callers of REST send a token of this issuer in place of an IAM signature. Only for the front door
   * `http`. Default: they sign.
   */
  readonly jwt?: JwtIssuer;
  /** Throttling of all routes together. Function URLs have none. */
  readonly throttling?: Throttling;
  /** MiB per function. Functions not named keep their defaults. */
  readonly memoryMiB?: Readonly<Partial<Record<FunctionName, number>>>;
  /**
   * Instances per function that it keeps for itself and does not exceed. At least 100 of the account's
   * must stay unreserved. Default: none reserved.
   */
  readonly reservedConcurrency?: Readonly<Partial<Record<FunctionName, number>>>;
  /**
   * A line for every request at the front door. Needs one of the account's ten resource policies for
   * log deliveries. Default: false.
   */
  readonly accessLog?: boolean;
  readonly logRetentionDays?: LogRetentionDays;
  /** Minutes between two runs of the scheduled upkeep, a whole number. Default: 60. */
  readonly maintenanceMinutes?: number;
  /**
   * Minutes between two runs of `seal`, which also runs whenever a topic has grown by a segment; a
   * whole number. Default: 15.
   */
  readonly sealMinutes?: number;
  /**
   * Settings of the functions by their keys, as in a server.properties file: `{ 'tidelog.journals':
   * '8' }`.
   */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * Accepts callers without an IAM identity; only for a local endpoint that passes none on.
   * Default: false.
   */
  readonly anonymous?: boolean;
  /**
   * Whether a REST API passes answers of REST on as they come; not for an endpoint whose Lambda knows
   * no streams. Default: true. An HTTP API and function URLs send them as a whole.
   */
  readonly streaming?: boolean;
  /** The folder with the bundles, a folder per function. Default: the package's own. */
  readonly functionsFolder?: string;
}

/** Through the front door, or by invoking the functions directly. */
export type CallWay = 'front-door' | 'invoke';

const PREFIX_LENGTH_MAX = 40;

/**
 * A Tidelog: tables, bucket, functions, front door and schedules. No part of it is billed by
 * the hour.
 *
 *   const log = new Tidelog(this, 'Log', { settings: { 'num.partitions': '12' } });
 *   log.grantProduce(role);
 *
 * Throws StackError for invalid settings, and if the functions are not built.
 */
export class Tidelog extends Construct {
  readonly journalTable: ITable;
  readonly stateTable: ITable;
  readonly bucket: IBucket;
  readonly functions: Readonly<Record<FunctionName, IFunction>>;
  readonly functionPrefix: string;
  readonly frontDoor: FrontDoor;

  constructor(scope: Construct, id: string, props: TidelogProps = {}) {
    super(scope, id);
    const { functionsFolder, ...given } = props;
    const stage: Stage = {
      ...STAGES[DEFAULT_STAGE],
      ...given,
      memoryMiB: { ...STAGES[DEFAULT_STAGE].memoryMiB, ...given.memoryMiB },
    };
    const { memoryMiB, reservedConcurrency, anonymous, settings, throttling, accessLog, logRetentionDays } = stage;
    const { maintenanceMinutes, sealMinutes } = stage;
    const state = props.state ?? new TidelogState(this, 'State', { removal: props.removal ?? 'retain' });
    ({ journalTable: this.journalTable, stateTable: this.stateTable, bucket: this.bucket } = state);
    this.functionPrefix =
      props.functionPrefix ?? Names.uniqueResourceName(this, { maxLength: PREFIX_LENGTH_MAX }).toLowerCase();
    const prefix = this.functionPrefix;
    const frontDoor = props.frontDoor ?? STAGES[DEFAULT_STAGE].frontDoor;
    const streaming = stage.streaming && frontDoor === 'rest';
    const { functions } = new TidelogFunctions(this, 'Functions', {
      state,
      prefix,
      memoryMiB,
      reservedConcurrency,
      logRetentionDays,
      anonymous,
      streaming,
      settings,
      functionsFolder,
    });
    this.functions = functions;
    this.frontDoor = createFrontDoor(this, frontDoor, {
      functions,
      prefix,
      jwt: props.jwt,
      streaming,
      throttling,
      accessLog,
      logRetentionDays,
    });
    new FunctionSchedule(this, 'Maintenance', {
      target: functions.maintain,
      name: 'maintain',
      description: 'scheduled upkeep',
      everyMinutes: maintenanceMinutes,
    });
    new FunctionSchedule(this, 'Sealing', {
      target: functions.seal,
      name: 'seal',
      description: 'work on history that is due',
      everyMinutes: sealMinutes,
    });
  }

  /**
   * Lets a role write records. This includes calls of `admin`, which answers Metadata; see CALLS in
   * rights.ts.
   */
  grantProduce(grantee: IGrantable, way?: CallWay): Grant {
    return this.#grantCalls(grantee, CALLS.produce, way);
  }

  /**
   * Lets a role read records and join consumer groups. This includes calls of `admin`, which
   * answers Metadata.
   */
  grantConsume(grantee: IGrantable, way?: CallWay): Grant {
    return this.#grantCalls(grantee, CALLS.consume, way);
  }

  /**
   * Lets a role write records by REST, to any topic. With function URLs it may do all that REST does:
   * a URL knows no paths.
   */
  grantRestProduce(grantee: IGrantable): Grant {
    return this.frontDoor.grantRest(grantee, REST_REQUESTS.produce);
  }

  /** Lets a role read by REST: records, consumer instances, topics and groups. See grantRestProduce. */
  grantRestConsume(grantee: IGrantable): Grant {
    return this.frontDoor.grantRest(grantee, REST_REQUESTS.consume);
  }

  /** Lets a role call all functions that take frames. */
  grantAdmin(grantee: IGrantable, way?: CallWay): Grant {
    return this.#grantCalls(grantee, CALLS.administer, way);
  }

  /**
   * Lets a role that runs a tunnel look at the ends of journals itself (`--journal-table`), so that it
   * calls functions only when something has come. This reads every topic's entries, whatever rights
   * Kafka principals have.
   */
  grantTail(grantee: IGrantable): Grant {
    const resourceArns = [this.journalTable.tableArn];
    const grant = Grant.addToPrincipal({ grantee, actions: [...TAIL_ACTIONS], resourceArns });
    for (const statement of keyStatements(this, TAIL_RIGHTS, this)) {
      grantee.grantPrincipal.addToPrincipalPolicy(statement);
    }
    return grant;
  }

  /**
   * A caller that invokes functions directly (`--via lambda:PREFIX`) may name the principal it acts
   * for. This is only for gateways that authenticate their clients, so it has to be requested.
   */
  #grantCalls(grantee: IGrantable, names: (typeof CALLS)[keyof typeof CALLS], way: CallWay = 'front-door'): Grant {
    const grants = names.map((name) =>
      way === 'front-door'
        ? this.frontDoor.grantCall(grantee, name)
        : Grant.addToPrincipal({
            grantee,
            actions: ['lambda:InvokeFunction'],
            resourceArns: [this.functions[name].functionArn],
          }),
    );
    return grants.reduce((all, grant) => all.combine(grant));
  }
}

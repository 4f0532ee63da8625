/** Starts Tidelog inside itself and writes and counts records with kafkajs; prints what it found as JSON. */
export const EMBEDDING_PROGRAM = `
import kafkajs from 'kafkajs';
import { startTidelog } from 'tidelog';

const tidelog = await startTidelog({ settings: { 'num.partitions': '2' } });
const kafka = new kafkajs.Kafka({ brokers: [tidelog.bootstrapServers], logLevel: kafkajs.logLevel.ERROR });
const producer = kafka.producer();
await producer.connect();
const sent = await producer.send({ topic: 'greetings', messages: [{ key: 'a', value: 'hello' }, { key: 'a', value: 'again' }] });
await producer.disconnect();
const admin = kafka.admin();
await admin.connect();
const offsets = await admin.fetchTopicOffsets('greetings');
const { clusterId } = await admin.describeCluster();
await admin.disconnect();
await tidelog.close();
console.log(JSON.stringify({ sent, offsets, sameCluster: clusterId === tidelog.clusterId }));
`;

/** Prints how long it took from the program's first line to a Tidelog that takes connections, and from the process' start; ms. */
export const TIMED_PROGRAM = `
import { connect } from 'node:net';
import { once } from 'node:events';
const start = performance.now();
const { startTidelog } = await import('tidelog');
const imported = performance.now();
const tidelog = await startTidelog();
const ready = performance.now();
const [host, port] = tidelog.bootstrapServers.split(':');
const socket = connect(Number(port), host);
await once(socket, 'connect');
socket.destroy();
console.log(JSON.stringify({ importMs: imported - start, readyMs: ready - start, processMs: ready }));
await tidelog.close();
`;

/** Uses everything that the package shows, as a strict program would. */
export const TYPED_PROGRAM = `
import { type LogFields, type Logger, type LogLevel, StartError, startTidelog, type Tidelog, type TidelogOptions } from 'tidelog';

const lines: string[] = [];
const logger: Logger = { log: (level: LogLevel, fields: LogFields) => void lines.push(level + fields.event) };
const options: TidelogOptions = { store: 'memory', port: 0, settings: { 'num.partitions': '3' }, logger };

export async function main(): Promise<string> {
  try {
    await using tidelog: Tidelog = await startTidelog(options);
    const url: string | undefined = tidelog.monitoringUrl;
    const servers: string[] = tidelog.bootstrapServers.split(',');
    await tidelog.close();
    return servers.join() + tidelog.clusterId + (url ?? '');
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
}
`;

/** Each line has one mistake that the types have to find. */
export const WRONG_PROGRAM = `
import { startTidelog } from 'tidelog';
await startTidelog({ store: 'disk' });
await startTidelog({ settings: { 'num.partitions': 3 } });
(await startTidelog()).bootstrap;
await import('tidelog/dist/lib/run/start.js');
`;

/** No types of Node and no leniency towards libraries: what is shipped has to stand by itself. */
export const TSCONFIG = {
  compilerOptions: {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    types: [],
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
  },
};

/** The oldest CDK that has what the construct needs (package.json, peerDependencies). */
export const CDK_PACKAGES = ['aws-cdk-lib@2.226.0', 'constructs@10.4.2'];

/** Puts a Tidelog into a stack; prints what came out as JSON, and how large the largest function is, in whole MiB. */
export const CDK_PROGRAM = `
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Tidelog } from 'tidelog/cdk';

const app = new App({ outdir: 'cdk.out' });
const stack = new Stack(app, 'Shop');
const log = new Tidelog(stack, 'Log', { settings: { 'num.partitions': '12' } });
log.grantProduce(new Role(stack, 'Program', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }));
const { directory, stacks } = app.synth();
const types = Object.values(stacks[0].template.Resources).map(({ Type }) => Type);
const assets = readdirSync(directory).filter((name) => name.startsWith('asset.'));
const sizes = assets.map((name) =>
  readdirSync(join(directory, name)).reduce((sum, file) => sum + statSync(join(directory, name, file)).size, 0),
);
const count = (type) => types.filter((other) => other === type).length;
console.log(JSON.stringify({
  functions: count('AWS::Lambda::Function'),
  tables: count('AWS::DynamoDB::Table'),
  assets: assets.length,
  largestMiB: Math.floor(Math.max(...sizes) / 2 ** 20),
}));
`;

/** Uses everything that the entry for the CDK shows. */
export const CDK_TYPED_PROGRAM = `
import { Stack } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  type CallWay, type FrontDoor, type FrontDoorKind, type FunctionName, type GatewaySize, type LogRetentionDays,
  type Removal, StackError, type StateResources, type Throttling,
  Tidelog, TidelogGateway, type TidelogGatewayProps, type TidelogProps, TidelogState, type TidelogStateProps,
} from 'tidelog/cdk';

const removal: Removal = 'destroy';
const stateProps: TidelogStateProps = { removal };
const kind: FrontDoorKind = 'url';
const throttling: Throttling = { requestsPerSecond: 10, burst: 20 };
const days: LogRetentionDays = 7;
const size: GatewaySize = { tasks: 2, cpu: 256, memoryMiB: 512 };
const way: CallWay = 'invoke';

export class Shop extends Stack {
  addLog(): IFunction {
    const state: StateResources = new TidelogState(this, 'State', stateProps);
    const props: TidelogProps = { state, frontDoor: kind, throttling, logRetentionDays: days, memoryMiB: { fetch: 1024 } };
    const log = new Tidelog(this, 'Log', props);
    const role = new Role(this, 'Program', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    log.grantProduce(role);
    log.grantConsume(role, way);
    const door: FrontDoor = log.frontDoor;
    const gateway: TidelogGatewayProps = { state, size };
    if (door.via === '') throw new StackError(new TidelogGateway(this, 'Gateway', gateway).bootstrapServers);
    const name: FunctionName = 'produce';
    // @ts-expect-error there is no such front door
    new Tidelog(this, 'Wrong', { frontDoor: 'soap' });
    return log.functions[name];
  }
}
`;

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
await import('tidelog/dist/lib/runtime/start.js');
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

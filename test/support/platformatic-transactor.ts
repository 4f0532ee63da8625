import { Producer, stringSerializers } from '@platformatic/kafka';
import { kafkajsReadIsolated } from './kafkajs-client.ts';
import { serveLines } from './serve-lines.ts';

/**
 * @platformatic/kafka for the tests of transactions (transaction-clients.ts), in a process of its own, so that it can be
 * killed. Its consumer needs a group, so kafkajs reads.
 */
const [bootstrap] = process.argv.slice(2) as [string];

type Transaction = Awaited<ReturnType<ReturnType<typeof producerOf>['beginTransaction']>>;

/** By default it says that it is producer 0, which is refused where another one had the transactional id. */
const NOBODY = { producerId: -1n, producerEpoch: -1 };

function producerOf(transactionalId: string, timeout: number) {
  return new Producer({
    clientId: 'compat',
    bootstrapBrokers: [bootstrap],
    serializers: stringSerializers,
    idempotent: true,
    transactionalId,
    // That of its requests is that of its transactions.
    timeout,
  });
}

let producer: ReturnType<typeof producerOf> | undefined;
let first: Transaction | undefined;
let transaction: Transaction | undefined;

await serveLines(
  {
    // It asks for its id with the first transaction.
    async init(transactionalId, timeoutMs) {
      producer = producerOf(transactionalId!, Number(timeoutMs));
      first = await producer.beginTransaction(NOBODY);
    },
    async begin() {
      transaction = first ?? (await producer!.beginTransaction());
      first = undefined;
    },
    async send(topic, partition, ...values) {
      const messages = values.map((value) => ({ topic: topic!, partition: Number(partition), value }));
      await transaction!.send({ messages });
    },
    commit: () => transaction!.commit(),
    abort: () => transaction!.abort(),
    read: (topic, isolation) => kafkajsReadIsolated({ bootstrap }, topic!, isolation === 'committed'),
  },
  apiErrorOf,
);
process.exit(0);

/** The error of the API, which stands inside of the client's own. */
function apiErrorOf(error: unknown): string {
  const {
    apiId,
    errors = [],
    cause,
    name,
  } = error as {
    apiId?: string;
    errors?: unknown[];
    cause?: unknown;
    name: string;
  };
  if (apiId !== undefined) return apiId;
  for (const inner of [...errors, cause]) {
    if (typeof inner === 'object' && inner !== null) return apiErrorOf(inner);
  }
  return name;
}

import { Producer } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';
// Keeps kafkajs from warning of its partitioner.
import '../support/kafkajs-client.ts';
import '../support/kafkajs-fresh-buffers.ts';
import type { Sender } from './library-producer.ts';

export interface SenderOptions {
  readonly clientId: string;
  /** 'host:port' of each gateway. */
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly idempotent: boolean;
  /** How long the library waits for an answer; ms. */
  readonly requestTimeoutMs: number;
}

/** Without idempotence each `send` is one request, so that it is known how often a batch may be there. */
const RETRIES = 2;
const CONNECTION_TIMEOUT_MS = 2_000;
/** Of the gateway, for one request. */
const PRODUCE_TIMEOUT_MS = 5_000;
/** Longer than any run: whoever is disconnected learns where to go by failing. */
const METADATA_AGE_MS = 2_000;

/** A producer of kafkajs. */
export function kafkajsSender(options: SenderOptions): Sender {
  const { clientId, topic, idempotent, requestTimeoutMs } = options;
  const retries = idempotent ? RETRIES : 0;
  const kafka = new Kafka({
    clientId,
    brokers: [...options.brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries },
  });
  const producer = kafka.producer({ idempotent, allowAutoTopicCreation: false, metadataMaxAge: METADATA_AGE_MS });
  let connected = false;
  return {
    attemptsPerSend: retries + 1,
    async send(partition, values) {
      if (!connected) await producer.connect();
      connected = true;
      const messages = values.map((value) => ({ partition, value }));
      const [told] = await producer.send({ topic, acks: -1, timeout: PRODUCE_TIMEOUT_MS, messages });
      return Number(told!.baseOffset);
    },
    async reconnect() {
      connected = false;
      await producer.disconnect();
    },
    close: () => producer.disconnect(),
  };
}

/** A producer of @platformatic/kafka. */
export function platformaticSender(options: SenderOptions): Sender {
  const { clientId, topic, idempotent, requestTimeoutMs } = options;
  const producer = new Producer({
    clientId,
    bootstrapBrokers: [...options.brokers],
    idempotent,
    retries: idempotent ? RETRIES : 0,
    repeatOnStaleMetadata: idempotent,
    retryDelay: 200,
    timeout: PRODUCE_TIMEOUT_MS,
    connectTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    metadataMaxAge: METADATA_AGE_MS,
    autocreateTopics: false,
  });
  return {
    // One more where it finds that its picture of the cluster is out of date.
    attemptsPerSend: idempotent ? RETRIES + 2 : 1,
    async send(partition, values) {
      const messages = values.map((value) => ({ topic, partition, value }));
      const { offsets } = await producer.send({ messages, acks: -1 });
      return Number(offsets![0]!.offset);
    },
    async reconnect() {
      producer.clearMetadata();
    },
    close: () => new Promise((resolve) => producer.close(true, () => resolve())),
  };
}

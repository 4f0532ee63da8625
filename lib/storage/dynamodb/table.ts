import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { assert } from '../../core/assert.ts';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { failedWrite } from '../aws/failures.ts';
import { Requests } from '../aws/requests.ts';
import { DATE_GRANULARITY_MS, StaleSignatureError, watchWire } from '../aws/wire.ts';
import { checkQuery, itemRefusal, keyRefusal } from '../item-rules.ts';
import type {
  DeleteOutcome,
  GetResult,
  Item,
  ItemStore,
  PutCondition,
  PutOptions,
  PutOutcome,
  QueryPage,
  QueryRequest,
  StoreTime,
} from '../ports.ts';
import { StoreClock } from '../store-clock.ts';
import { fromAttributes, keyAttributes, toAttributes } from './attributes.ts';
import { deleteCondition, keyRange, putCondition } from './conditions.ts';

/**
 * Concurrent requests to one table. At 8 ms each that is 16,000 requests/s, more than one process
 * needs. The sockets for two tables and a bucket stay well below the 1,024 file descriptors of a
 * Lambda function.
 */
export const TABLE_REQUESTS_MAX = 128;

/** Time-out of a put; ms. DynamoDB answers in about 10 ms. */
const DEFAULT_PUT_TIMEOUT_MS = 10_000;

export interface DynamoDbTableOptions {
  /** Made by `dynamoDbClient`: a client that retries by itself is refused at the first write. */
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly clock: Clock;
  /** Jitter between attempts of reads. */
  readonly random: Random;
}

/** Opens a table with the key schema of `createTables`. Does not check that it exists. */
export function openDynamoDbTable(options: DynamoDbTableOptions): ItemStore {
  return new DynamoDbTable(options);
}

class DynamoDbTable implements ItemStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #requests: Requests;
  readonly #storeClock: StoreClock;
  #clientChecked = false;

  constructor(options: DynamoDbTableOptions) {
    this.#client = options.client;
    this.#table = options.tableName;
    this.#requests = new Requests(options.clock, options.random, TABLE_REQUESTS_MAX);
    this.#storeClock = new StoreClock(options.clock, DATE_GRANULARITY_MS);
  }

  now(): StoreTime {
    return this.#storeClock.now();
  }

  get(pk: string, sk: string, consistent: boolean): Promise<GetResult> {
    return this.#requests.read(async (abortSignal) => {
      const command = new GetItemCommand({
        TableName: this.#table,
        Key: keyAttributes(pk, sk),
        ConsistentRead: consistent,
      });
      const wire = watchWire(command, this.#storeClock, undefined);
      const { Item: attributes } = await this.#client.send(command, { abortSignal });
      return { item: attributes && fromAttributes(attributes), storeTime: wire.storeTime };
    });
  }

  async query(request: QueryRequest): Promise<QueryPage> {
    checkQuery(request);
    const { excluded, ...range } = keyRange(request);
    const { limit, reverse = false } = request;
    return this.#requests.read(async (abortSignal) => {
      const command = new QueryCommand({
        TableName: this.#table,
        ...range,
        ConsistentRead: request.consistent,
        ScanIndexForward: !reverse,
        // In a reverse query the excluded item comes first and takes one place of the page.
        ...(limit === undefined ? {} : { Limit: limit + (reverse && excluded !== undefined ? 1 : 0) }),
      });
      const wire = watchWire(command, this.#storeClock, undefined);
      const page = await this.#client.send(command, { abortSignal });
      const found = (page.Items ?? []).map(fromAttributes);
      const inRange = found.filter((item) => item.sk !== excluded);
      // In a forward query the excluded item is the last: nothing follows it.
      const ended = !reverse && inRange.length < found.length;
      const more = !ended && (page.LastEvaluatedKey !== undefined || (limit !== undefined && inRange.length > limit));
      return { items: inRange.slice(0, limit), more, storeTime: wire.storeTime };
    });
  }

  async put(item: Item, condition: PutCondition, options?: PutOptions): Promise<PutOutcome> {
    const refusal = itemRefusal(item);
    if (refusal !== undefined) return { kind: 'refused', ...refusal };
    const command = new PutItemCommand({
      TableName: this.#table,
      Item: toAttributes(item),
      ...putCondition(condition),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return this.#write(command, options, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  async delete(pk: string, sk: string, version: number, options?: PutOptions): Promise<DeleteOutcome> {
    const refusal = keyRefusal(pk, sk);
    if (refusal !== undefined) return { kind: 'refused', reason: 'rejected', message: refusal };
    const command = new DeleteItemCommand({
      TableName: this.#table,
      Key: keyAttributes(pk, sk),
      ...deleteCondition(version),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return this.#write(command, options, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  /** Sends once and returns the outcome. */
  async #write(
    command: PutItemCommand | DeleteItemCommand,
    options: PutOptions | undefined,
    send: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<PutOutcome> {
    await this.#checkClient();
    const wire = watchWire(command, this.#storeClock, options?.signBefore);
    try {
      await this.#requests.once(options?.timeoutMs ?? DEFAULT_PUT_TIMEOUT_MS, send);
      return { kind: 'committed', storeTime: wire.storeTime };
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) {
        const existing = error.Item && fromAttributes(error.Item);
        return { kind: 'conflict', existing, storeTime: wire.storeTime };
      }
      if (error instanceof StaleSignatureError) return { kind: 'refused', reason: 'stale', message: error.message };
      return failedWrite(error);
    }
  }

  async #checkClient(): Promise<void> {
    if (this.#clientChecked) return;
    const attempts = await this.#client.config.maxAttempts();
    assert(attempts === 1, `the client makes ${attempts} attempts by itself: use dynamoDbClient()`);
    this.#clientChecked = true;
  }
}

import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { functionOf } from '../../lib/broker/functions.ts';
import type { ApiKey, RequestInput } from '../../lib/wire/apis.ts';
import type { Deployed } from '../../localstack/index.ts';
import { answerOf, BaseClient, requestFrame, type Told } from '../support/kafka-client.ts';

/** A client for a deployed Tidelog's functions, with the endpoint's credentials. */
export function lambdaClient({ environment }: Deployed): LambdaClient {
  return new LambdaClient({
    endpoint: environment.AWS_ENDPOINT_URL!,
    region: environment.AWS_REGION!,
    credentials: { accessKeyId: environment.AWS_ACCESS_KEY_ID!, secretAccessKey: environment.AWS_SECRET_ACCESS_KEY! },
    // A function that stands still is an error of the test, not something to try again.
    maxAttempts: 1,
  });
}

/** Calls a function with any payload; its answer. Throws if it failed instead of answering. */
export async function invoke(
  client: LambdaClient,
  FunctionName: string,
  payload: unknown,
  version?: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { FunctionError, Payload } = await client.send(
    new InvokeCommand({
      FunctionName,
      Payload: Buffer.from(JSON.stringify(payload)),
      ...(version !== undefined && { Qualifier: version }),
    }),
  );
  const text = Buffer.from(Payload!).toString();
  if (FunctionError !== undefined) throw new Error(`${FunctionName}: ${FunctionError} ${text}`);
  return JSON.parse(text);
}

/** Kafka requests by direct invokes, one frame each: no gateway is involved. */
export class InvokeClient extends BaseClient {
  readonly #client: LambdaClient;
  readonly #prefix: string;
  readonly #version: string | undefined;
  #lastId = 0;

  /** @param version of the functions; the newest where it is left out */
  constructor(client: LambdaClient, prefix: string, version?: string) {
    super();
    this.#client = client;
    this.#prefix = prefix;
    this.#version = version;
  }

  async tell<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<Told<Key>> {
    const id = ++this.#lastId;
    const frame = requestFrame(apiKey, version, id, body).toString('base64');
    const name = `${this.#prefix}-${functionOf(apiKey)}`;
    const answer = await invoke(this.#client, name, { tidelog: 'frame', body: frame }, this.#version);
    if (typeof answer.body !== 'string') throw new Error(`${name}: ${JSON.stringify(answer)}`);
    return answerOf(apiKey, version, id, Buffer.from(answer.body, 'base64'));
  }
}

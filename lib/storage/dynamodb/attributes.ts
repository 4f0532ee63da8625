import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { assert } from '../../core/assert.ts';
import type { Item } from '../ports.ts';

/** The table's key schema: partition key and sort key, both strings. */
export const PARTITION_KEY = 'pk';
export const SORT_KEY = 'sk';

/** Short names: every item pays for them. */
const VERSION = 'v';
const NONCE = 'n';
const BODY = 'b';

/** The item as DynamoDB stores it. */
export function toAttributes(item: Item): Record<string, AttributeValue> {
  return {
    ...keyAttributes(item.pk, item.sk),
    [VERSION]: versionAttribute(item.version),
    [NONCE]: { S: item.nonce },
    [BODY]: { B: item.body },
  };
}

export function keyAttributes(pk: string, sk: string): Record<string, AttributeValue> {
  return { [PARTITION_KEY]: { S: pk }, [SORT_KEY]: { S: sk } };
}

export function versionAttribute(version: number): AttributeValue {
  return { N: String(version) };
}

/** The item in DynamoDB's answer; its body shares the answer's memory. */
export function fromAttributes(attributes: Record<string, AttributeValue>): Item {
  const pk = attributes[PARTITION_KEY]?.S;
  const sk = attributes[SORT_KEY]?.S;
  const version = attributes[VERSION]?.N;
  const nonce = attributes[NONCE]?.S;
  const body = attributes[BODY]?.B;
  assert(
    pk !== undefined && sk !== undefined && version !== undefined && nonce !== undefined && body !== undefined,
    `an item that this program did not write: ${pk} / ${sk}`,
  );
  return { pk, sk, version: Number(version), nonce, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
}

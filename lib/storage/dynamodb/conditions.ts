import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { compareKeys } from '../item-rules.ts';
import type { PutCondition, QueryRequest } from '../ports.ts';
import { versionAttribute } from './attributes.ts';

interface Condition {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue>;
}

export function putCondition(condition: PutCondition): Condition {
  return condition.kind === 'absent'
    ? { ConditionExpression: 'attribute_not_exists(pk)' }
    : versionIs(condition.version);
}

function versionIs(version: number): Condition {
  return { ConditionExpression: 'v = :v', ExpressionAttributeValues: { ':v': versionAttribute(version) } };
}

/** Holds for an item of this version, and for none at all. */
export function deleteCondition(version: number): Condition {
  const { ExpressionAttributeValues } = versionIs(version);
  return {
    ConditionExpression: 'attribute_not_exists(pk) OR v = :v',
    ExpressionAttributeValues: ExpressionAttributeValues!,
  };
}

/**
 * The range of a query. DynamoDB takes one condition on the sort key, and with two bounds only the
 * inclusive BETWEEN: `excluded` is then the sort key that the answer may contain although the range
 * does not. A range whose bounds are reversed is queried as its first key alone, since BETWEEN
 * refuses it.
 */
export function keyRange(request: QueryRequest): {
  readonly KeyConditionExpression: string;
  readonly ExpressionAttributeValues: Record<string, AttributeValue>;
  readonly excluded: string | undefined;
} {
  const { pk, from, to } = request;
  const partition = { ':pk': { S: pk } };
  if (from !== undefined && to !== undefined) {
    const last = compareKeys(from, to) < 0 ? to : from;
    return {
      KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
      ExpressionAttributeValues: { ...partition, ':from': { S: from }, ':to': { S: last } },
      excluded: last,
    };
  }
  if (from !== undefined) {
    return {
      KeyConditionExpression: 'pk = :pk AND sk >= :from',
      ExpressionAttributeValues: { ...partition, ':from': { S: from } },
      excluded: undefined,
    };
  }
  if (to !== undefined) {
    return {
      KeyConditionExpression: 'pk = :pk AND sk < :to',
      ExpressionAttributeValues: { ...partition, ':to': { S: to } },
      excluded: undefined,
    };
  }
  return { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: partition, excluded: undefined };
}

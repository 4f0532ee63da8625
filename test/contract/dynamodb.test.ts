import { openDynamoDbTarget, STAND_IN_CONFIG, skipReason } from '../support/aws-targets.ts';
import { dynamoDbLocalMissing, startDynamoDbLocal } from '../support/dynamodb-local.ts';
import { itemStoreContract } from './item-store-contract.ts';

const endpoint = process.env.TIDELOG_TEST_DYNAMODB_ENDPOINT;

async function openTarget() {
  if (endpoint !== undefined) return openDynamoDbTarget({ ...STAND_IN_CONFIG, endpoint });
  const local = await startDynamoDbLocal();
  const target = await openDynamoDbTarget(local.clientConfig);
  return { ...target, close: () => local.stop() };
}

itemStoreContract('dynamodb', openTarget, {
  skip: endpoint === undefined ? skipReason(dynamoDbLocalMissing()) : undefined,
  checksSignatures: false,
});

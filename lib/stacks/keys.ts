import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Construct, IConstruct } from 'constructs';
import { type KeyAction, OBJECT_KEY_ACTIONS, type Rights, TABLE_KEY_ACTIONS } from './rights.ts';
import type { KeyChoice } from './stages.ts';
import type { StateResources } from './state.ts';

/** A key in AWS KMS by its ARN; an alias cannot be named in a policy. */
const KEY_ARN =
  /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/;

export function isKeyChoice(value: unknown): value is KeyChoice {
  return value === 'owned' || value === 'aws' || (typeof value === 'string' && KEY_ARN.test(value));
}

/** The customer's key of a choice as a construct; the other choices stay what they are. */
export function keyOf(scope: Construct, id: string, choice: KeyChoice): 'owned' | 'aws' | IKey {
  return choice === 'owned' || choice === 'aws' ? choice : Key.fromKeyArn(scope, id, choice);
}

/**
 * What a role needs on the customer's keys, by its rights to tables and objects. The other kinds of
 * keys need no rights: DynamoDB and S3 use them for every caller of the account.
 */
export function keyStatements(
  scope: IConstruct,
  rights: Rights,
  { journalTable, stateTable, bucket }: StateResources,
): PolicyStatement[] {
  const uses = [
    ...usesOf(journalTable.encryptionKey, 'dynamodb', rights.journalTable, TABLE_KEY_ACTIONS),
    ...usesOf(stateTable.encryptionKey, 'dynamodb', rights.stateTable, TABLE_KEY_ACTIONS),
    ...usesOf(bucket.encryptionKey, 's3', rights.objects, OBJECT_KEY_ACTIONS),
  ];
  const { region, urlSuffix } = Stack.of(scope);
  const statements = new Map<string, PolicyStatement>();
  for (const { arn, service, action } of uses) {
    const id = `${service} ${arn}`;
    const statement =
      statements.get(id) ??
      new PolicyStatement({
        resources: [arn],
        // Leaves out every other use of the key: it serves what this one service stores.
        conditions: { StringEquals: { 'kms:ViaService': `${service}.${region}.${urlSuffix}` } },
      });
    statement.addActions(action);
    statements.set(id, statement);
  }
  return [...statements.values()];
}

interface KeyUse {
  readonly arn: string;
  readonly service: 'dynamodb' | 's3';
  readonly action: KeyAction;
}

function usesOf<Action extends string>(
  key: IKey | undefined,
  service: KeyUse['service'],
  actions: readonly Action[],
  needs: Readonly<Record<Action, readonly KeyAction[]>>,
): KeyUse[] {
  if (key === undefined) return [];
  return actions.flatMap((action) => needs[action]).map((action) => ({ arn: key.keyArn, service, action }));
}

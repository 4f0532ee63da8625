import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { DefaultStackSynthesizer } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { FRAME_FUNCTIONS } from '../../lib/broker/apis.ts';
import { CALLS, TAIL_ACTIONS } from '../../lib/stacks/rights.ts';

const DOCS = resolve(import.meta.dirname, '../../docs');

interface Statement {
  readonly Effect: string;
  readonly Action: string;
  readonly Resource: readonly string[];
  readonly Condition?: object;
}

/** The policies in the JSON blocks of a document, in order. */
function policiesIn(document: string): Statement[][] {
  const text = readFileSync(resolve(DOCS, document), 'utf8');
  return [...text.matchAll(/^```json\n(.*?)^```$/gms)]
    .map(([, json]) => JSON.parse(json!) as { Version?: string; Statement?: Statement[] })
    .flatMap(({ Version, Statement }) => (Version === '2012-10-17' && Statement !== undefined ? [Statement] : []));
}

const API = /^arn:aws:execute-api:REGION:ACCOUNT:API_ID\/\$default\/POST\/kafka\/([a-z]+)$/;
const FUNCTION = /^arn:aws:lambda:REGION:ACCOUNT:function:tidelog-([a-z]+)$/;

/** The functions that a statement is for. */
function functionsOf({ Action, Resource }: Statement): string[] {
  const pattern = Action === 'execute-api:Invoke' ? API : FUNCTION;
  return Resource.map((arn) => pattern.exec(arn)?.[1] ?? `not one function: ${arn}`).sort();
}

const allFrames = [...FRAME_FUNCTIONS].sort();
const viaUrl = { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } };

describe('policies in the documents', () => {
  it('GATEWAY.md: the tunnel may call what serves Kafka requests, and nothing else', () => {
    const policies = policiesIn('GATEWAY.md');
    const [tail] = policies.pop()!;
    expect([tail?.Action]).toEqual([...TAIL_ACTIONS]);
    expect(tail?.Resource).toEqual(['arn:aws:dynamodb:REGION:ACCOUNT:table/JOURNAL_TABLE']);
    const shapes = policies.map((policy) =>
      policy.map((one) => ({ action: one.Action, functions: functionsOf(one), condition: one.Condition })),
    );
    expect(shapes).toEqual([
      [{ action: 'execute-api:Invoke', functions: allFrames, condition: undefined }],
      [
        { action: 'lambda:InvokeFunctionUrl', functions: allFrames, condition: undefined },
        { action: 'lambda:InvokeFunction', functions: allFrames, condition: viaUrl },
      ],
      [{ action: 'lambda:InvokeFunction', functions: allFrames, condition: undefined }],
    ]);
  });

  it('DEPLOY.md: a producer may call the functions that a producer needs', () => {
    const [policy, deploying, ...others] = policiesIn('DEPLOY.md');
    expect(others).toEqual([]);
    // The roles of the CDK's bootstrap, by the names that the CDK's own synthesizer asks for.
    expect(deploying).toEqual([
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Resource: [`arn:aws:iam::ACCOUNT:role/cdk-${DefaultStackSynthesizer.DEFAULT_QUALIFIER}-*-ACCOUNT-REGION`],
      },
    ]);
    const roles = [
      DefaultStackSynthesizer.DEFAULT_DEPLOY_ROLE_ARN,
      DefaultStackSynthesizer.DEFAULT_FILE_ASSET_PUBLISHING_ROLE_ARN,
      DefaultStackSynthesizer.DEFAULT_IMAGE_ASSET_PUBLISHING_ROLE_ARN,
      DefaultStackSynthesizer.DEFAULT_LOOKUP_ROLE_ARN,
    ];
    const named = /:role\/cdk-\$\{Qualifier\}-[a-z-]+-\$\{AWS::AccountId\}-\$\{AWS::Region\}$/;
    expect(roles.filter((role) => !named.test(role))).toEqual([]);
    expect(policy!.map((one) => [one.Action, functionsOf(one)])).toEqual([
      ['execute-api:Invoke', [...CALLS.produce].sort()],
    ]);
  });
});

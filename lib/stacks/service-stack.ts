import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FRAME_FUNCTIONS } from '../broker/apis.ts';
import type { Stage } from './stages.ts';
import { importState } from './state-stack.ts';
import { Tidelog } from './tidelog.ts';

export interface ServiceStackProps extends StackProps {
  readonly stage: Stage;
  readonly functionsFolder: string | undefined;
}

/** Functions, front door and schedules over the State stack's tables and bucket. */
export class ServiceStack extends Stack {
  constructor(scope: Construct, id: string, { stage, functionsFolder, ...props }: ServiceStackProps) {
    super(scope, id, { description: 'Tidelog: the functions, and the way in to them', ...props });
    const { prefix, account, region, removal, existing, gateway, network, ...given } = stage;
    const { frontDoor, functionPrefix } = new Tidelog(this, 'Tidelog', {
      ...given,
      state: importState(this, stage),
      functionPrefix: prefix.toLowerCase(),
      ...(functionsFolder === undefined ? {} : { functionsFolder }),
    });
    if (frontDoor.url !== undefined) new CfnOutput(this, 'ApiUrl', { value: frontDoor.url });
    for (const name of frontDoor.urls === undefined ? [] : FRAME_FUNCTIONS) {
      const id = `${name.charAt(0).toUpperCase()}${name.slice(1)}Url`;
      new CfnOutput(this, id, { value: frontDoor.urls![name] });
    }
    new CfnOutput(this, 'RestUrl', { value: frontDoor.restUrl });
    new CfnOutput(this, 'FunctionPrefix', { value: functionPrefix });
  }
}

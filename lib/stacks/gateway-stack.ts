import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import { TidelogGateway } from './gateway.ts';
import { networkProps } from './gateway-network.ts';
import type { GatewaySize, Stage } from './stages.ts';
import { importState } from './state-stack.ts';

export interface GatewayStackProps extends StackProps {
  readonly stage: Stage;
  readonly size: GatewaySize;
  readonly image: ContainerImage | undefined;
}

/** The optional fleet of gateways: the only part that is billed by the hour. */
export class GatewayStack extends Stack {
  constructor(scope: Construct, id: string, { stage, size, image, ...props }: GatewayStackProps) {
    super(scope, id, {
      description: 'Tidelog: gateways for Kafka clients, behind an internal load balancer',
      ...props,
    });
    const { settings, logRetentionDays, network = {} } = stage;
    const state = importState(this, stage);
    const { bootstrapServers } = new TidelogGateway(this, 'Tidelog', {
      state,
      size,
      settings,
      logRetentionDays,
      ...networkProps(this, network),
      ...(image === undefined ? {} : { image }),
    });
    new CfnOutput(this, 'BootstrapServers', { value: bootstrapServers });
  }
}

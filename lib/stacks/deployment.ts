import type { App } from 'aws-cdk-lib';
import type { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Deployment } from './context.ts';
import { GatewayStack } from './gateway-stack.ts';
import { ServiceStack } from './service-stack.ts';
import { StateStack } from './state-stack.ts';

export interface TidelogStacks {
  /** Undefined for a stage with existing tables and an existing bucket. */
  readonly state: StateStack | undefined;
  readonly service: ServiceStack;
  readonly gateway: GatewayStack | undefined;
}

/**
 * Adds the stacks of a deployment to an app. `image` replaces the gateway's own. Throws StackError.
 */
export function addStacks(app: App, { stage, functionsFolder }: Deployment, image?: ContainerImage): TidelogStacks {
  const { account, region, prefix } = stage;
  const env = { ...(account === undefined ? {} : { account }), ...(region === undefined ? {} : { region }) };
  const tags = { tidelog: prefix };
  const state = stage.existing === undefined ? new StateStack(app, `${prefix}-State`, { stage, env, tags }) : undefined;
  const service = new ServiceStack(app, `${prefix}-Service`, { stage, functionsFolder, env, tags });
  const gateway =
    stage.gateway === undefined
      ? undefined
      : new GatewayStack(app, `${prefix}-Gateway`, {
          stage,
          size: stage.gateway,
          image,
          // A look-up needs account and Region; the other stacks stay as they are without one.
          env: { ...env, ...stage.network?.place },
          tags,
        });
  if (state !== undefined) for (const stack of [service, gateway]) stack?.node.addDependency(state);
  return { state, service, gateway };
}

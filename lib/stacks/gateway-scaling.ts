import { Duration } from 'aws-cdk-lib';
import { CfnScalingPolicy } from 'aws-cdk-lib/aws-applicationautoscaling';
import type { FargateService } from 'aws-cdk-lib/aws-ecs';
import type { NetworkLoadBalancer, NetworkTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { Construct } from 'constructs';

/** Leaves room for the minute or two that a new task takes to start and to be found by clients. */
const CPU_PERCENT = 60;

/** Connections through the load balancer for each gateway: chosen, not measured. */
export const CONNECTIONS_PER_GATEWAY = 1_000;

/** A gateway that goes takes its clients' connections with it, so the fleet shrinks slowly. */
const SCALE_IN_COOLDOWN = Duration.minutes(10);
const SCALE_OUT_COOLDOWN = Duration.minutes(1);

export interface ScalingProps {
  readonly service: FargateService;
  readonly balancer: NetworkLoadBalancer;
  readonly targets: NetworkTargetGroup;
  readonly min: number;
  readonly max: number;
}

/**
 * Keeps CPU and connections of each gateway below their targets. The load balancer counts only the
 * connections that come through it: those that clients open to their first broker. It has no metric per
 * target, so the policy divides by the number of healthy ones; only the CDK's lowest level can say that.
 */
export function scaleGateways(scope: Construct, { service, balancer, targets, min, max }: ScalingProps): void {
  const scaling = service.autoScaleTaskCount({ minCapacity: min, maxCapacity: max });
  scaling.scaleOnCpuUtilization('Cpu', {
    targetUtilizationPercent: CPU_PERCENT,
    scaleInCooldown: SCALE_IN_COOLDOWN,
    scaleOutCooldown: SCALE_OUT_COOLDOWN,
  });
  const loadBalancer = { name: 'LoadBalancer', value: balancer.loadBalancerFullName };
  const metric = (id: string, metricName: string, stat: string, dimensions: { name: string; value: string }[]) => ({
    id,
    metricStat: { metric: { namespace: 'AWS/NetworkELB', metricName, dimensions }, stat },
    returnData: false,
  });
  const policy = new CfnScalingPolicy(scope, 'Connections', {
    policyName: `${service.node.addr.slice(0, 16)}-connections`,
    policyType: 'TargetTrackingScaling',
    serviceNamespace: 'ecs',
    scalableDimension: 'ecs:service:DesiredCount',
    resourceId: `service/${service.cluster.clusterName}/${service.serviceName}`,
    targetTrackingScalingPolicyConfiguration: {
      targetValue: CONNECTIONS_PER_GATEWAY,
      scaleInCooldown: SCALE_IN_COOLDOWN.toSeconds(),
      scaleOutCooldown: SCALE_OUT_COOLDOWN.toSeconds(),
      customizedMetricSpecification: {
        metrics: [
          metric('connections', 'ActiveFlowCount', 'Average', [loadBalancer]),
          metric('gateways', 'HealthyHostCount', 'Maximum', [
            { name: 'TargetGroup', value: targets.targetGroupFullName },
            loadBalancer,
          ]),
          { id: 'each', expression: 'connections / gateways', label: 'Connections of a gateway', returnData: true },
        ],
      },
    },
  });
  policy.node.addDependency(scaling);
}

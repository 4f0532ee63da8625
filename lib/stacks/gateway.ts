import { Duration, RemovalPolicy, Token } from 'aws-cdk-lib';
import { type IPeer, type IVpc, Peer, Port, SecurityGroup, type SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import {
  Cluster,
  type ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import { NetworkLoadBalancer, Protocol } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { acknowledgeObjects, environmentOf, storeStatements } from './functions.ts';
import { gatewayImage } from './gateway-image.ts';
import { networkOf } from './gateway-network.ts';
import { scaleGateways } from './gateway-scaling.ts';
import { GATEWAY_RIGHTS } from './rights.ts';
import { DEFAULT_STAGE, type GatewaySize, type LogRetentionDays, SMALL_GATEWAY, STAGES } from './stages.ts';
import type { StateResources } from './state.ts';

export interface TidelogGatewayProps {
  /** The tables and the bucket that the gateways work on. */
  readonly state: StateResources;
  /** Default: two of the smallest tasks. */
  readonly size?: GatewaySize;
  /**
   * The network of gateways and clients; its DNS host names must be enabled. Default: a new VPC of two
   * zones without NAT, with gateway endpoints for S3 and DynamoDB.
   */
  readonly vpc?: IVpc;
  /**
   * The subnets of the load balancer and the gateways, which need a way to the image registry and the
   * logs. Default: the private subnets of `vpc` with a way out, or else its public ones.
   */
  readonly subnets?: SubnetSelection;
  /** The tasks get public addresses. Default: true where `subnets` is left out and there are only public ones. */
  readonly assignPublicIp?: boolean;
  /** Who may connect. Default: everybody in `vpc`. */
  readonly clients?: readonly IPeer[];
  /** Settings by their keys, as in a server.properties file. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly logRetentionDays?: LogRetentionDays;
  /** Default: built from this package at deployment, which needs Docker. */
  readonly image?: ContainerImage;
}

const KAFKA_PORT = 9092;
const MONITORING_PORT = 9404;
const HTTPS_PORT = 443;

/** A gateway drains for 8 s after SIGTERM. This leaves it time to exit. */
const STOP_TIMEOUT = Duration.seconds(20);

/**
 * How long the load balancer keeps connections to a stopping task. Clients use the tasks' own
 * addresses.
 */
const DEREGISTRATION = Duration.seconds(30);

/**
 * Six failed checks, which take a minute: a short outage of the store must not replace the whole
 * fleet.
 */
const HEALTH_INTERVAL = Duration.seconds(10);
const UNHEALTHY_AFTER = 6;

/**
 * A fleet of gateways (`tidelog gateway --direct`) on Fargate behind an internal load balancer, for
 * Kafka clients in the network that cannot run the tunnel. Always on, so billed by the hour.
 * Listeners are PLAINTEXT: the network is the only access control. Throws StackError as `Tidelog`
 * does.
 */
export class TidelogGateway extends Construct {
  readonly vpc: IVpc;
  readonly service: FargateService;
  /** The `bootstrap.servers` of clients in the network. */
  readonly bootstrapServers: string;

  constructor(scope: Construct, id: string, props: TidelogGatewayProps) {
    super(scope, id);
    const { size = SMALL_GATEWAY, image = gatewayImage() } = props;
    const { tasks, tasksMax = tasks } = size;
    const network = networkOf(this, props);
    this.vpc = network.vpc;
    const [balancerGroup, taskGroup] = this.#securityGroups(network.clients);
    const cluster = new Cluster(this, 'Cluster', {
      vpc: this.vpc,
      containerInsightsV2: ContainerInsights.DISABLED,
    });
    acknowledge(cluster, {
      'AwsSolutions-ECS4':
        'Container Insights is billed by metric; the gateways have metrics of their own on port 9404.',
    });
    this.service = new FargateService(this, 'Service', {
      // The CDK's classes do not satisfy its own interfaces under exactOptionalPropertyTypes.
      cluster: cluster as ICluster,
      taskDefinition: this.#task(props, size, image),
      // A deployment must not take back what was scaled.
      ...(tasksMax > tasks ? {} : { desiredCount: tasks }),
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      securityGroups: [taskGroup],
      vpcSubnets: network.subnets,
      assignPublicIp: network.hasPublicAddresses,
    });
    const balancer = new NetworkLoadBalancer(this, 'LoadBalancer', {
      vpc: this.vpc,
      vpcSubnets: network.subnets,
      // The listeners have neither TLS nor logins yet, and clients are told the tasks' own addresses.
      internetFacing: false,
      crossZoneEnabled: true,
      securityGroups: [balancerGroup],
    });
    acknowledge(balancer, {
      'AwsSolutions-ELB2': 'A network load balancer logs TLS listeners only, and this one has none.',
    });
    const listener = balancer.addListener('Kafka', { port: KAFKA_PORT, protocol: Protocol.TCP });
    const targets = listener.addTargets('Gateways', {
      port: KAFKA_PORT,
      protocol: Protocol.TCP,
      targets: [this.service],
      deregistrationDelay: DEREGISTRATION,
      healthCheck: {
        protocol: Protocol.HTTP,
        path: '/healthz',
        port: String(MONITORING_PORT),
        interval: HEALTH_INTERVAL,
        healthyThresholdCount: 2,
        unhealthyThresholdCount: UNHEALTHY_AFTER,
      },
    });
    if (tasksMax > tasks) {
      scaleGateways(this, { service: this.service, balancer, targets, min: tasks, max: tasksMax });
    }
    this.bootstrapServers = `${balancer.loadBalancerDnsName}:${KAFKA_PORT}`;
  }

  #securityGroups(clients: readonly IPeer[]): [SecurityGroup, SecurityGroup] {
    const group = (id: string, description: string) =>
      new SecurityGroup(this, id, { vpc: this.vpc, description, allowAllOutbound: false });
    const balancer = group('LoadBalancerGroup', 'Tidelog: the load balancer of the gateways');
    const tasks = group('TaskGroup', 'Tidelog: the gateways');
    for (const client of clients) {
      balancer.addIngressRule(client, Port.tcp(KAFKA_PORT), 'Kafka clients that look for a first broker');
    }
    balancer.addEgressRule(tasks, Port.tcp(KAFKA_PORT), 'Gateways');
    balancer.addEgressRule(tasks, Port.tcp(MONITORING_PORT), 'Health checks');
    for (const client of clients) {
      tasks.addIngressRule(client, Port.tcp(KAFKA_PORT), 'Kafka clients, which are told the address of each gateway');
    }
    tasks.addIngressRule(balancer, Port.tcp(KAFKA_PORT), 'Load balancer');
    tasks.addIngressRule(balancer, Port.tcp(MONITORING_PORT), 'Health checks');
    tasks.addEgressRule(Peer.anyIpv4(), Port.tcp(HTTPS_PORT), 'DynamoDB, S3, ECR, CloudWatch Logs');
    const isKnownLater = clients.some(({ uniqueId }) => Token.isUnresolved(uniqueId));
    for (const made of isKnownLater ? [balancer, tasks] : []) {
      acknowledge(made, {
        'AwsSolutions-EC23':
          "The rule's range is the network's own, which cdk-nag cannot see as it is known at deployment only.",
      });
    }
    return [balancer, tasks];
  }

  #task(props: TidelogGatewayProps, size: GatewaySize, image: ContainerImage): FargateTaskDefinition {
    const { state, settings = {}, logRetentionDays = STAGES[DEFAULT_STAGE].logRetentionDays } = props;
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
      description: 'Tidelog: gateways',
      inlinePolicies: { stores: new PolicyDocument({ statements: storeStatements(this, GATEWAY_RIGHTS, state) }) },
    });
    acknowledgeObjects(role, state);
    const task = new FargateTaskDefinition(this, 'Task', {
      cpu: size.cpu,
      memoryLimitMiB: size.memoryMiB,
      runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
      taskRole: role,
    });
    task.addContainer('Gateway', {
      image,
      portMappings: [{ containerPort: KAFKA_PORT }, { containerPort: MONITORING_PORT }],
      environment: environmentOf({
        state,
        settings: {
          listeners: `PLAINTEXT://0.0.0.0:${KAFKA_PORT}`,
          // Every host of the network may connect; the security groups admit no others.
          'allow.anonymous': 'true',
          'tidelog.metrics.host': '0.0.0.0',
          'tidelog.metrics.port': String(MONITORING_PORT),
          'tidelog.fleet': 'true',
          ...settings,
        },
      }),
      logging: LogDrivers.awsLogs({
        streamPrefix: 'gateway',
        logGroup: new LogGroup(this, 'Logs', {
          retention: logRetentionDays,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      }),
      readonlyRootFilesystem: true,
      stopTimeout: STOP_TIMEOUT,
    });
    acknowledge(task, {
      'AwsSolutions-ECS2': 'The variables are settings and names of resources; there are no secrets among them.',
      'AwsSolutions-IAM5[Resource::*]':
        'ecr:GetAuthorizationToken, by which ECS pulls the image, exists for the resource * only.',
    });
    return task;
  }
}

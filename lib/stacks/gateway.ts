import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
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
import { GATEWAY_RIGHTS } from './rights.ts';
import { DEFAULT_STAGE, type GatewaySize, type LogRetentionDays, SMALL_GATEWAY, STAGES } from './stages.ts';
import type { StateResources } from './state.ts';

export interface TidelogGatewayProps {
  /** The tables and the bucket that the gateways work on. */
  readonly state: StateResources;
  /** Default: two of the smallest tasks. */
  readonly size?: GatewaySize;
  /**
   * The network of gateways and clients. Its public subnets are used, and its DNS host names must
   * be enabled. Default: a new VPC of two zones without NAT, with gateway endpoints for S3 and
   * DynamoDB.
   */
  readonly vpc?: IVpc;
  /** Settings by their keys, as in a server.properties file. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly logRetentionDays?: LogRetentionDays;
  /** Default: built from this package at deployment, which needs Docker. */
  readonly image?: ContainerImage;
}

const KAFKA_PORT = 9092;
const MONITORING_PORT = 9404;
const HTTPS_PORT = 443;

/** The default network is small. Peered networks must not overlap, so `vpc` can replace it. */
const NETWORK = '10.92.0.0/20';
const ZONES = 2;

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
    this.vpc = props.vpc ?? (this.#network() as IVpc);
    const [balancerGroup, taskGroup] = this.#securityGroups();
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
      desiredCount: size.tasks,
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      securityGroups: [taskGroup],
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      // A public address reaches the image registry and the logs; NAT would cost more than the
      // gateways.
      assignPublicIp: true,
    });
    const balancer = new NetworkLoadBalancer(this, 'LoadBalancer', {
      vpc: this.vpc,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      internetFacing: false,
      crossZoneEnabled: true,
      securityGroups: [balancerGroup],
    });
    acknowledge(balancer, {
      'AwsSolutions-ELB2': 'A network load balancer logs TLS listeners only, and this one has none.',
    });
    balancer.addListener('Kafka', { port: KAFKA_PORT, protocol: Protocol.TCP }).addTargets('Gateways', {
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
    this.bootstrapServers = `${balancer.loadBalancerDnsName}:${KAFKA_PORT}`;
  }

  #network(): Vpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(NETWORK),
      maxAzs: ZONES,
      natGateways: 0,
      subnetConfiguration: [{ name: 'Gateways', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false }],
      gatewayEndpoints: {
        S3: { service: GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
      // Off: the CDK would add a function only to empty an unused security group.
      restrictDefaultSecurityGroup: false,
    });
    acknowledge(vpc, {
      'AwsSolutions-VPC7':
        'Flow logs are billed by volume and say less than the gateways; switch them on where an audit needs them.',
    });
    return vpc;
  }

  #securityGroups(): [SecurityGroup, SecurityGroup] {
    const clients = Peer.ipv4(this.vpc.vpcCidrBlock);
    const group = (id: string, description: string) =>
      new SecurityGroup(this, id, { vpc: this.vpc, description, allowAllOutbound: false });
    const balancer = group('LoadBalancerGroup', 'Tidelog: the load balancer of the gateways');
    const tasks = group('TaskGroup', 'Tidelog: the gateways');
    balancer.addIngressRule(clients, Port.tcp(KAFKA_PORT), 'Kafka clients that look for a first broker');
    balancer.addEgressRule(tasks, Port.tcp(KAFKA_PORT), 'Gateways');
    balancer.addEgressRule(tasks, Port.tcp(MONITORING_PORT), 'Health checks');
    tasks.addIngressRule(clients, Port.tcp(KAFKA_PORT), 'Kafka clients, which are told the address of each gateway');
    tasks.addIngressRule(balancer, Port.tcp(KAFKA_PORT), 'Load balancer');
    tasks.addIngressRule(balancer, Port.tcp(MONITORING_PORT), 'Health checks');
    tasks.addEgressRule(Peer.anyIpv4(), Port.tcp(HTTPS_PORT), 'DynamoDB, S3, ECR, CloudWatch Logs');
    for (const made of [balancer, tasks]) {
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
      inlinePolicies: { stores: new PolicyDocument({ statements: storeStatements(GATEWAY_RIGHTS, state) }) },
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

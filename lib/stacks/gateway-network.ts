import { Annotations, Fn } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  type IPeer,
  IpAddresses,
  type ISubnet,
  type IVpc,
  Peer,
  Subnet,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { GatewayNetwork } from './stages.ts';

/** The default network is small. Peered networks must not overlap, so an existing one can replace it. */
const NETWORK = '10.92.0.0/20';
const ZONES = 2;

/** The properties of `TidelogGateway` that say where the gateways are and who may connect. */
export interface NetworkProps {
  readonly vpc?: IVpc;
  readonly subnets?: SubnetSelection;
  readonly assignPublicIp?: boolean;
  readonly clients?: readonly IPeer[];
}

export interface Network {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  /** Without one, and without NAT or endpoints, a task reaches neither the image registry nor the logs. */
  readonly hasPublicAddresses: boolean;
  readonly clients: readonly IPeer[];
}

/** The network of the properties, or a new VPC. */
export function networkOf(scope: Construct, props: NetworkProps): Network {
  const vpc = props.vpc ?? newNetwork(scope);
  const isPublic = props.subnets === undefined && vpc.privateSubnets.length === 0;
  return {
    vpc,
    subnets: props.subnets ?? { subnetType: isPublic ? SubnetType.PUBLIC : SubnetType.PRIVATE_WITH_EGRESS },
    hasPublicAddresses: props.assignPublicIp ?? isPublic,
    clients: props.clients ?? [Peer.ipv4(vpc.vpcCidrBlock)],
  };
}

/**
 * The network of a stage, as properties. A VPC without named subnets is looked up: the stack needs an
 * account and a Region, and the CDK's CLI asks AWS once and keeps the answer in cdk.context.json.
 */
export function networkProps(scope: Construct, network: GatewayNetwork): NetworkProps {
  const { vpc: vpcId, subnets, hasPublicAddresses, clients } = network;
  const selected = subnets?.map((id) => namedSubnet(scope, id));
  return {
    ...(vpcId !== undefined && { vpc: vpcOf(scope, vpcId, subnets !== undefined) }),
    ...(selected !== undefined && { subnets: { subnets: selected } }),
    ...(subnets !== undefined && { assignPublicIp: hasPublicAddresses ?? false }),
    ...(clients !== undefined && { clients: clients.map(peerOf) }),
  };
}

function vpcOf(scope: Construct, vpcId: string, hasSubnets: boolean): IVpc {
  // The CDK wants a zone, but nothing uses it where subnets are named.
  return hasSubnets
    ? Vpc.fromVpcAttributes(scope, 'Vpc', { vpcId, availabilityZones: [Fn.select(0, Fn.getAzs())] })
    : Vpc.fromLookup(scope, 'Vpc', { vpcId });
}

function namedSubnet(scope: Construct, id: string): ISubnet {
  const subnet = Subnet.fromSubnetId(scope, id, id);
  // Nothing here reads the subnet's route table.
  Annotations.of(subnet).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId');
  return subnet;
}

function peerOf(client: string): IPeer {
  if (client.startsWith('sg-')) return Peer.securityGroupId(client);
  if (client.startsWith('pl-')) return Peer.prefixList(client);
  return Peer.ipv4(client);
}

/** Public subnets, as NAT would cost more than the gateways. */
function newNetwork(scope: Construct): IVpc {
  const vpc = new Vpc(scope, 'Vpc', {
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
  // The CDK's classes do not satisfy its own interfaces under exactOptionalPropertyTypes.
  return vpc as IVpc;
}

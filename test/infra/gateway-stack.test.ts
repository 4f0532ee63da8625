import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSettings } from '../../lib/settings/settings.ts';
import { TidelogGateway } from '../../lib/stacks/gateway.ts';
import { gatewayImage } from '../../lib/stacks/gateway-image.ts';
import { CONNECTIONS_PER_GATEWAY } from '../../lib/stacks/gateway-scaling.ts';
import { grantsOf, only, propertiesOf, quickApp, type Synthesized, synthesized } from './synthesized.ts';

const { gateway } = synthesized({
  gateway: { tasks: 3, cpu: 512, memoryMiB: 1024 },
  settings: { 'num.partitions': '4' },
});

interface Rule {
  readonly CidrIp?: unknown;
  readonly FromPort: number;
  readonly ToPort: number;
}

function container(): Record<string, unknown> {
  const task = only(gateway, 'AWS::ECS::TaskDefinition');
  return (task.ContainerDefinitions as Record<string, unknown>[])[0]!;
}

describe('the Gateway stack', () => {
  it('runs as many tasks of the size as the stage says, on arm64', () => {
    expect(only(gateway, 'AWS::ECS::TaskDefinition')).toMatchObject({
      Cpu: '512',
      Memory: '1024',
      RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
    });
    expect(only(gateway, 'AWS::ECS::Service')).toMatchObject({
      DesiredCount: 3,
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
    });
  });

  it('is a fleet, by settings that Tidelog reads without a warning', () => {
    const pairs = container().Environment as { Name: string; Value: unknown }[];
    const environment = Object.fromEntries(
      pairs.map(({ Name, Value }) => [Name, typeof Value === 'string' ? Value : 'name']),
    );
    expect(loadSettings({ environment })).toMatchObject({
      kind: 'settings',
      warnings: [],
      settings: {
        store: 'aws',
        fleet: true,
        numPartitions: 4,
        metricsPort: 9404,
        metricsHost: '0.0.0.0',
        listeners: [{ name: 'PLAINTEXT', host: '0.0.0.0', port: 9092 }],
      },
    });
    expect(container()).toMatchObject({ ReadonlyRootFilesystem: true, StopTimeout: 20 });
  });

  it('is reached by an internal load balancer, which asks /healthz', () => {
    expect(only(gateway, 'AWS::ElasticLoadBalancingV2::LoadBalancer')).toMatchObject({
      Scheme: 'internal',
      Type: 'network',
    });
    expect(only(gateway, 'AWS::ElasticLoadBalancingV2::Listener')).toMatchObject({ Port: 9092, Protocol: 'TCP' });
    expect(only(gateway, 'AWS::ElasticLoadBalancingV2::TargetGroup')).toMatchObject({
      Port: 9092,
      Protocol: 'TCP',
      TargetType: 'ip',
      HealthCheckProtocol: 'HTTP',
      HealthCheckPath: '/healthz',
      HealthCheckPort: '9404',
      HealthyThresholdCount: 2,
      UnhealthyThresholdCount: 6,
    });
    gateway.hasOutput('BootstrapServers', { Value: { 'Fn::Join': ['', [Match.anyValue(), ':9092']] } });
  });

  it('goes to DynamoDB and S3 by endpoints, without NAT', () => {
    gateway.resourceCountIs('AWS::EC2::NatGateway', 0);
    const services = Object.values(propertiesOf(gateway, 'AWS::EC2::VPCEndpoint')).map(
      ({ ServiceName, VpcEndpointType }) => [
        /\.(s3|dynamodb)"/.exec(JSON.stringify(ServiceName))?.[1],
        VpcEndpointType,
      ],
    );
    expect(services.sort()).toEqual([
      ['dynamodb', 'Gateway'],
      ['s3', 'Gateway'],
    ]);
  });

  it('lets only the network itself in', () => {
    const network = { 'Fn::GetAtt': [Match.stringLikeRegexp('Vpc'), 'CidrBlock'] };
    for (const { SecurityGroupIngress } of Object.values(propertiesOf(gateway, 'AWS::EC2::SecurityGroup'))) {
      for (const { CidrIp, FromPort, ToPort } of SecurityGroupIngress as Rule[]) {
        expect([FromPort, ToPort]).toEqual([9092, 9092]);
        expect(JSON.stringify(CidrIp)).toMatch(/^\{"Fn::GetAtt":\["TidelogVpc[0-9A-F]+","CidrBlock"\]\}$/);
      }
    }
    gateway.hasResourceProperties('AWS::EC2::SecurityGroup', { SecurityGroupIngress: [{ CidrIp: network }] });
    const between = Object.values(propertiesOf(gateway, 'AWS::EC2::SecurityGroupIngress'));
    expect(between.map(({ FromPort }) => FromPort).sort()).toEqual([9092, 9404]);
    expect(between.filter((rule) => 'CidrIp' in rule)).toEqual([]);
  });

  it('lets the tasks speak HTTPS only', () => {
    const outward = Object.values(propertiesOf(gateway, 'AWS::EC2::SecurityGroup')).flatMap(
      ({ SecurityGroupEgress }) => (SecurityGroupEgress ?? []) as Rule[],
    );
    expect(outward.filter(({ CidrIp }) => CidrIp === '0.0.0.0/0').map(({ FromPort }) => FromPort)).toEqual([443]);
  });

  it('keeps its log as long as the stage says', () => {
    expect(only(gateway, 'AWS::Logs::LogGroup')).toMatchObject({ RetentionInDays: 30 });
  });
});

describe('the Gateway stack in an existing VPC', () => {
  const VPC = 'vpc-0123abcd';
  const SUBNETS = ['subnet-0123abcd', 'subnet-0123abce'];
  const CLIENTS = ['10.0.0.0/8', 'sg-0123abcd', 'pl-0123abcd'];
  const named = synthesized({
    gateway: { tasks: 2, tasksMax: 6, cpu: 256, memoryMiB: 512 },
    network: { vpc: VPC, subnets: SUBNETS, clients: CLIENTS },
  }).gateway;

  const networkOf = (template: Template) => {
    const { AwsvpcConfiguration } = only(template, 'AWS::ECS::Service').NetworkConfiguration as {
      AwsvpcConfiguration: { AssignPublicIp: string; Subnets: unknown };
    };
    const { Scheme, Subnets } = only(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer');
    return {
      scheme: Scheme,
      balancer: Subnets,
      tasks: AwsvpcConfiguration.Subnets,
      publicIp: AwsvpcConfiguration.AssignPublicIp,
    };
  };

  /** Who may connect to the Kafka port of each group, as in `-c clients=`. */
  const admitted = (template: Template) => {
    const inline = Object.values(propertiesOf(template, 'AWS::EC2::SecurityGroup')).flatMap(
      ({ SecurityGroupIngress }) => SecurityGroupIngress as Record<string, unknown>[],
    );
    return [...inline, ...Object.values(propertiesOf(template, 'AWS::EC2::SecurityGroupIngress'))]
      .filter(({ FromPort }) => FromPort === 9092)
      .map((rule) => rule.CidrIp ?? rule.SourcePrefixListId ?? rule.SourceSecurityGroupId)
      .filter((peer) => typeof peer === 'string')
      .sort();
  };

  it('makes no network, and uses the subnets that are named', () => {
    for (const type of ['AWS::EC2::VPC', 'AWS::EC2::Subnet', 'AWS::EC2::VPCEndpoint']) named.resourceCountIs(type, 0);
    expect(networkOf(named)).toEqual({ scheme: 'internal', balancer: SUBNETS, tasks: SUBNETS, publicIp: 'DISABLED' });
    const groups = Object.values(propertiesOf(named, 'AWS::EC2::SecurityGroup'));
    expect(groups.map(({ VpcId }) => VpcId)).toEqual([VPC, VPC]);
  });

  it('gives public addresses where the subnets are public', () => {
    const network = { vpc: VPC, subnets: SUBNETS, hasPublicAddresses: true, clients: CLIENTS };
    expect(networkOf(synthesized({ network }).gateway)).toMatchObject({ publicIp: 'ENABLED', scheme: 'internal' });
  });

  it('lets the named clients in, at the load balancer and at the gateways', () => {
    expect(admitted(named)).toEqual(CLIENTS.flatMap((client) => [client, client]).sort());
    const own = synthesized({ network: { clients: ['192.168.0.0/16'] } }).gateway;
    expect(admitted(own)).toEqual(['192.168.0.0/16', '192.168.0.0/16']);
  });

  it('scales by CPU and by connections, between the bounds, and is not set back by a deployment', () => {
    expect(only(named, 'AWS::ApplicationAutoScaling::ScalableTarget')).toMatchObject({
      MinCapacity: 2,
      MaxCapacity: 6,
      ScalableDimension: 'ecs:service:DesiredCount',
    });
    expect(only(named, 'AWS::ECS::Service')).not.toHaveProperty('DesiredCount');
    const policies = Object.values(propertiesOf(named, 'AWS::ApplicationAutoScaling::ScalingPolicy'));
    const tracked = policies.map(
      ({ TargetTrackingScalingPolicyConfiguration: policy }) => policy as Record<string, unknown>,
    );
    expect(tracked).toHaveLength(2);
    expect(tracked.find((policy) => 'PredefinedMetricSpecification' in policy)).toMatchObject({
      PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
      TargetValue: 60,
    });
    expect(tracked.find((policy) => 'CustomizedMetricSpecification' in policy)).toMatchObject({
      CustomizedMetricSpecification: {
        Metrics: [
          { MetricStat: { Metric: { MetricName: 'ActiveFlowCount' } } },
          { MetricStat: { Metric: { MetricName: 'HealthyHostCount' } } },
          { Expression: 'connections / gateways', ReturnData: true },
        ],
      },
      TargetValue: CONNECTIONS_PER_GATEWAY,
    });
    gateway.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 0);
  });

  describe('that is looked up', () => {
    const place = { account: '111122223333', region: 'eu-west-1' };
    const key = `vpc-provider:account=${place.account}:filter.vpc-id=${VPC}:region=${place.region}:returnAsymmetricSubnets=true`;
    const subnet = (subnetId: string, availabilityZone: string) => ({
      subnetId,
      availabilityZone,
      routeTableId: 'rtb-1',
    });

    /** The stack with what `cdk.context.json` has after the CLI has asked AWS. */
    function lookedUp(types: readonly ('Private' | 'Public')[]): Synthesized {
      const subnetGroups = types.map((type) => ({
        name: type,
        type,
        subnets: [subnet(`subnet-${type}-a`, 'eu-west-1a'), subnet(`subnet-${type}-b`, 'eu-west-1b')],
      }));
      const known = {
        vpcId: VPC,
        vpcCidrBlock: '10.1.0.0/16',
        ownerAccountId: place.account,
        availabilityZones: [],
        subnetGroups,
      };
      const app = new App({ builtinCloudFormationValidation: false, context: { [key]: known } });
      return synthesized({ network: { vpc: VPC, place } }, app);
    }

    it('is asked for once, by the CLI and not by the app', () => {
      const { app } = synthesized({ network: { vpc: VPC, place } });
      expect(app.synth().manifest.missing).toMatchObject([{ provider: 'vpc-provider', key }]);
    });

    it('has gateways in its private subnets, and lets in its own range', () => {
      const { app, gateway: template } = lookedUp(['Public', 'Private']);
      expect(app.synth().manifest.missing).toBeUndefined();
      const subnets = ['subnet-Private-a', 'subnet-Private-b'];
      expect(networkOf(template)).toEqual({
        scheme: 'internal',
        balancer: subnets,
        tasks: subnets,
        publicIp: 'DISABLED',
      });
      expect(admitted(template)).toEqual(['10.1.0.0/16', '10.1.0.0/16']);
    });

    it('has gateways with addresses in its public subnets where it has no others', () => {
      const subnets = ['subnet-Public-a', 'subnet-Public-b'];
      expect(networkOf(lookedUp(['Public']).gateway)).toEqual({
        scheme: 'internal',
        balancer: subnets,
        tasks: subnets,
        publicIp: 'ENABLED',
      });
    });

    it('does not change what the other stacks are', () => {
      const { stacks, state, service } = lookedUp(['Private']);
      const plain = synthesized();
      expect(state.toJSON()).toEqual(plain.state.toJSON());
      expect(service.toJSON()).toEqual(plain.service.toJSON());
      expect(stacks.gateway!.environment).toBe('aws://111122223333/eu-west-1');
    });
  });
});

describe("the gateway's image", () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** A project with as little in it as the image needs. */
  function project(): string {
    const root = mkdtempSync(join(tmpdir(), 'tidelog-image-'));
    folders.push(root);
    const source = resolve(import.meta.dirname, '../../lib/stacks/gateway-image');
    cpSync(source, join(root, 'dist/lib/stacks/gateway-image'), { recursive: true });
    mkdirSync(join(root, 'dist/lib/cli'));
    const print = 'console.log(JSON.stringify([process.argv.slice(2), process.env.TIDELOG_ADVERTISED_LISTENERS]))';
    writeFileSync(join(root, 'dist/lib/cli/main.js'), print);
    writeFileSync(join(root, 'package.json'), '{}');
    return root;
  }

  function hashOf(root: string): string {
    const stack = new Stack(quickApp(), 'Network');
    const name = 'some-name';
    new TidelogGateway(stack, 'Gateway', {
      state: {
        journalTable: Table.fromTableName(stack, 'Journal', name),
        stateTable: Table.fromTableName(stack, 'State', name),
        bucket: Bucket.fromBucketName(stack, 'Bucket', name),
      },
      image: gatewayImage(root),
    });
    const template = Template.fromStack(stack);
    const login = grantsOf(template).filter(({ resources }) => resources.includes('*'));
    expect(login.map(({ actions }) => actions)).toEqual([['ecr:GetAuthorizationToken']]);
    return /:([0-9a-f]{64})/.exec(JSON.stringify(only(template, 'AWS::ECS::TaskDefinition').ContainerDefinitions))![1]!;
  }

  it('has a hash that follows what is run, and nothing else', () => {
    const root = project();
    const before = hashOf(root);
    mkdirSync(join(root, 'dist/functions'));
    mkdirSync(join(root, 'node_modules'));
    for (const file of ['README.md', 'dist/functions/index.mjs', 'node_modules/x.js', 'dist/lib/cli/main.d.ts']) {
      writeFileSync(join(root, file), 'something');
    }
    expect(hashOf(root)).toBe(before);
    writeFileSync(join(root, 'dist/lib/cli/main.js'), 'something');
    expect(hashOf(root)).not.toBe(before);
  });

  it('is refused with a sentence where nothing is built', () => {
    const root = mkdtempSync(join(tmpdir(), 'tidelog-image-'));
    folders.push(root);
    expect(() => gatewayImage(root)).toThrow(/^The gateway is not built: .* Run npm run build first\.$/);
  });

  it('advertises the address that ECS tells, and starts a gateway on the stores', async () => {
    const metadata = createServer((_, answer) =>
      answer.end(JSON.stringify({ Networks: [{ NetworkMode: 'awsvpc', IPv4Addresses: ['10.92.0.7'] }] })),
    );
    await new Promise<void>((listening) => metadata.listen(0, '127.0.0.1', listening));
    try {
      const { port } = metadata.address() as AddressInfo;
      const start = (environment: NodeJS.ProcessEnv) =>
        promisify(execFile)('/bin/sh', ['dist/lib/stacks/gateway-image/start.sh'], {
          cwd: project(),
          env: { PATH: process.env.PATH, ...environment },
        }).then(({ stdout }) => JSON.parse(stdout));
      const there = { ECS_CONTAINER_METADATA_URI_V4: `http://127.0.0.1:${port}/v4/task` };
      expect(await start(there)).toEqual([['gateway', '--direct'], 'PLAINTEXT://10.92.0.7:9092']);
      expect(await start({})).toEqual([['gateway', '--direct'], null]);
    } finally {
      await new Promise((closed) => metadata.close(closed));
    }
  });
});

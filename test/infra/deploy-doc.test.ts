import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readContext } from '../../lib/stacks/context.ts';
import { RIGHTS } from '../../lib/stacks/rights.ts';
import {
  FRONT_DOORS,
  FUNCTION_NAMES,
  type FunctionName,
  type GatewaySize,
  SMALL_GATEWAY,
  STAGES,
} from '../../lib/stacks/stages.ts';
import { recordCosts, recordTable } from './record-costs.ts';
import { synthesized } from './synthesized.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/DEPLOY.md'), 'utf8');

/** The cells of the rows that begin with `name`. */
function row(name: string): string[] {
  const line = page.split('\n').find((text) => text.startsWith(`| ${name} |`));
  return line!
    .split('|')
    .slice(2, -1)
    .map((cell) => cell.trim());
}

function listed(actions: readonly string[]): string {
  return actions.map((action) => action.split(':')[1]).join(', ');
}

/** The names of IAM for the services in the types of resources. */
const SERVICES: Readonly<Record<string, string>> = {
  ApiGateway: 'apigateway',
  ApiGatewayV2: 'apigateway',
  ApplicationAutoScaling: 'application-autoscaling',
  DynamoDB: 'dynamodb',
  EC2: 'ec2',
  ECS: 'ecs',
  ElasticLoadBalancingV2: 'elasticloadbalancing',
  IAM: 'iam',
  Lambda: 'lambda',
  Logs: 'logs',
  S3: 's3',
  Scheduler: 'scheduler',
};

const SCALED: GatewaySize = { ...SMALL_GATEWAY, tasksMax: 6 };

/** The context values that the app asks for. */
function optionsRead(): string[] {
  const read = new Set<string>();
  const all: Readonly<Record<string, string>> = { gateway: 'on', vpc: 'vpc-0a1b2c3d', subnets: 'subnet-0a1b2c3d' };
  readContext((name) => {
    read.add(name);
    return all[name];
  });
  return [...read];
}

/** The literal values in the tables of options, and whether the page says that the app takes them. */
function documentedValues(): [string, string, boolean][] {
  const rows = page.split('\n').filter((line) => line.startsWith('| `-c '));
  return rows.flatMap((line) => {
    const [first, second] = line.split(' | ');
    // A cell with literal values begins with one; the others describe what the option takes.
    if (!second!.startsWith('`')) return [];
    const options = [...first!.matchAll(/-c ([A-Za-z]+)=/g)].map(([, name]) => name!);
    const values = [...second!.matchAll(/`([^`]+)`( is refused)?/g)].filter(([, value]) =>
      /^[a-z0-9:,]+$/.test(value!),
    );
    return options.flatMap((name) =>
      values.map(([, value, refused]): [string, string, boolean] => [name, value!, refused === undefined]),
    );
  });
}

describe('docs/DEPLOY.md', () => {
  it.each(FUNCTION_NAMES)('says what %s may do', (name: FunctionName) => {
    const { journalTable, stateTable, objects, bucket } = RIGHTS[name];
    expect(row(`\`${name}\``)).toEqual([listed(journalTable), listed(stateTable), listed(objects)]);
    // "Who reads objects may also list the bucket"; the upkeep lists it to find what nobody names.
    expect(bucket.length > 0).toBe(objects.length > 0);
  });

  it('names all stages and front doors', () => {
    const named = (option: string) => [...row(`\`-c ${option}=\``)[0]!.matchAll(/`([a-z]+)`/g)].map(([, name]) => name);
    expect(named('stage')).toEqual(Object.keys(STAGES));
    expect(named('api')).toEqual(FRONT_DOORS);
  });

  it('counts with the gateways that there are by default, and with the schedules of prod', () => {
    const { tasks, cpu, memoryMiB } = SMALL_GATEWAY;
    const virtualCpus = cpu / 1024;
    const gigabytes = memoryMiB / 1024;
    const perHour = tasks * (virtualCpus * 0.03238 + gigabytes * 0.00356);
    expect(row('two tasks on arm64 Fargate')).toEqual([
      `${tasks} x (${virtualCpus} x $0.03238 + ${gigabytes} x $0.00356) = $${perHour}`,
      `$${(perHour * 730).toFixed(2)}`,
    ]);
    const balancer = 0.0225;
    const addresses = tasks * 0.005;
    expect(page).toContain(`| $${(balancer * 730).toFixed(2)} |`);
    const [addressesPerHour, addressesPerMonth] = row(
      "two public IPv4 addresses, the tasks' way to the image registry and the logs",
    );
    expect([addressesPerHour, addressesPerMonth]).toEqual([`${tasks} x $0.005`, `$${(addresses * 730).toFixed(2)}`]);
    const all = balancer + perHour + addresses;
    expect(row('in all')).toEqual([`$${all.toFixed(5)}`, `$${(all * 730).toFixed(2)}`]);
    const further = ((perHour + addresses) / tasks) * 730;
    expect(page).toContain(`further task costs $${further.toFixed(2)} a month`);
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(
      `$${Math.round(all * 730)} a month for two on Fargate`,
    );
    const { maintenanceMinutes, sealMinutes } = STAGES.prod;
    for (const [name, minutes] of [
      ['maintain', maintenanceMinutes],
      ['seal', sealMinutes],
    ] as const) {
      const runs = (730 * 60) / minutes;
      expect(page).toContain(`the schedule: ${runs} starts of \`${name}\``);
      expect(row(`the schedule: ${runs} starts of \`${name}\``).at(-1)).toBe(`$${((runs * 1.2) / 1e6).toFixed(4)}`);
    }
  });

  it('says what a record costs in each way in, as the other pages and the price book have it', () => {
    const costs = recordCosts();
    expect(page).toContain(`\n\n${recordTable(costs).join('\n')}\n\n`);
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8').replaceAll(/\s+/g, ' ');
    const [steady, , alone, invoked, http] = costs.map(({ dollarsPerMillion }) => dollarsPerMillion);
    expect(readme).toContain(
      `cost $${steady!.toFixed(4)} through a gateway at 10 MB/s and $${alone!.toFixed(2)} at one record a second`,
    );
    expect(readme).toContain(`$${invoked!.toFixed(2)} by functions and $${http!.toFixed(2)} by the HTTP API`);
  });

  it('names every option that the app reads, and no other', () => {
    const documented = [...page.matchAll(/-c ([A-Za-z]+)=/g)].map(([, name]) => name!);
    expect([...new Set(documented)].sort()).toEqual(optionsRead().sort());
  });

  it.each(documentedValues())('has -c %s=%s, which the app takes: %s', (name, value, isTaken) => {
    const fits =
      name === 'publicAddresses' ? { subnets: 'subnet-0a1b2c3d', vpc: 'vpc-0a1b2c3d', clients: '10.0.0.0/8' } : {};
    const context: Readonly<Record<string, string>> = { gateway: 'on', ...fits, [name]: value };
    const { kind } = readContext((one) => context[one], { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' });
    expect(kind).toBe(isTaken ? 'deployment' : 'invalid');
  });

  it('has values for most options', () => {
    expect(new Set(documentedValues().map(([name]) => name)).size).toBeGreaterThanOrEqual(10);
  });

  it("names the services that CloudFormation's role needs", () => {
    const services = (template: Template) => {
      const types = Object.values(template.toJSON().Resources as Record<string, { Type: string }>);
      return [...new Set(types.map(({ Type }) => SERVICES[Type.split('::')[1]!] ?? Type))];
    };
    const everything = FRONT_DOORS.map((frontDoor) => synthesized({ frontDoor, accessLog: true, gateway: SCALED }));
    const [first] = everything;
    const running = everything.flatMap(({ service }) => services(service));
    const plain = page.replaceAll(/\s+/g, ' ');
    const sentence =
      /State and Service need the services (.*?), and `ssm:GetParameters`.*?the Gateway stack needs (.*?)\. /;
    const [, base, gateways] = sentence.exec(plain)!;
    const named = (text: string) => [...text.matchAll(/`([a-z0-9-]+)`/g)].map(([, name]) => name!).sort();
    expect(named(base!)).toEqual([...new Set([...services(first!.state), ...running])].sort());
    // The image goes to ECR, which is no resource of the stack.
    expect(named(gateways!)).toEqual([...services(first!.gateway), 'ecr'].sort());
  });

  it('keeps the stage prod within the quotas that it names', () => {
    const { requestsPerSecond, burst } = STAGES.prod.throttling;
    const [may, takes] = row('API Gateway');
    const [, newerRate, newerBurst] = /newer Regions ([\d,]+) and ([\d,]+)/.exec(may!)!;
    expect(requestsPerSecond).toBeLessThanOrEqual(Number(newerRate!.replace(',', '')));
    expect(burst).toBeLessThanOrEqual(Number(newerBurst!.replace(',', '')));
    expect(takes).toBe(
      `the stage \`prod\` limits itself to ${requestsPerSecond.toLocaleString('en')} and ${burst.toLocaleString('en')}`,
    );
  });
});

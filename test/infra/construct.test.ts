import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type IGrantable, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import { allRoutes } from '../../lib/rest/routes.ts';
import { REST_PATHS } from '../../lib/stacks/front-door/front-door.ts';
import { type CallWay, StackError, Tidelog, type TidelogProps, TidelogState } from '../../lib/stacks/index.ts';
import { REST_REQUESTS } from '../../lib/stacks/rights.ts';
import { FRONT_DOORS, FUNCTION_NAMES } from '../../lib/stacks/stages.ts';
import { FUNCTIONS, grantsOf, propertiesOf, quickApp } from './synthesized.ts';

const JWT = { issuer: 'https://login.example.com/', audience: ['orders'] };

/** Somebody else's stack with a Tidelog in it. */
function shop(props: TidelogProps = {}): { stack: Stack; log: Tidelog } {
  const stack = new Stack(quickApp(), 'Shop');
  return { stack, log: new Tidelog(stack, 'Log', { functionsFolder: FUNCTIONS, ...props }) };
}

function functionNames(stack: Stack): string[] {
  const functions = propertiesOf(Template.fromStack(stack), 'AWS::Lambda::Function');
  return Object.values(functions).map(({ FunctionName }) => FunctionName as string);
}

describe('the construct', () => {
  it('is complete without properties', () => {
    const { stack, log } = shop();
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::DynamoDB::Table', 2);
    template.resourceCountIs('AWS::S3::Bucket', 1);
    template.resourceCountIs('AWS::Lambda::Function', 7);
    template.resourceCountIs('AWS::ApiGatewayV2::Route', 4 + REST_PATHS.length);
    template.resourceCountIs('AWS::Scheduler::Schedule', 2);
    template.allResources('AWS::DynamoDB::Table', { DeletionPolicy: 'Retain' });
    template.allResourcesProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: true });
    expect(Object.keys(log.functions).sort()).toEqual([...FUNCTION_NAMES].sort());
  });

  it.each(FRONT_DOORS)('adds no outputs to a stack of somebody else, with the front door %s', (frontDoor) => {
    expect(Template.fromStack(shop({ frontDoor }).stack).findOutputs('*')).toEqual({});
  });

  it('names the functions by its place, so that two of them do not meet', () => {
    const { stack, log } = shop();
    const other = new Tidelog(stack, 'Audit', { functionsFolder: FUNCTIONS });
    expect(log.functionPrefix).toMatch(/^shoplog[0-9a-f]{8}$/);
    expect(other.functionPrefix).not.toBe(log.functionPrefix);
    const names = functionNames(stack);
    expect(names).toHaveLength(14);
    expect(new Set(names).size).toBe(14);
  });

  it('keeps the names short in the deepest place', () => {
    const stack = new Stack(quickApp(), `S${'tack'.repeat(25)}`);
    const log = new Tidelog(stack, 'Log'.repeat(60), { functionsFolder: FUNCTIONS });
    expect(log.functionPrefix.length).toBeLessThanOrEqual(40);
    expect(functionNames(stack).filter((name) => name.length > 64)).toEqual([]);
  });

  it('takes a prefix, settings and sizes', () => {
    const { stack } = shop({
      functionPrefix: 'orders',
      settings: { 'num.partitions': '12' },
      memoryMiB: { fetch: 2048 },
    });
    const functions = Object.values(propertiesOf(Template.fromStack(stack), 'AWS::Lambda::Function'));
    const fetch = functions.find(({ FunctionName }) => FunctionName === 'orders-fetch');
    expect(fetch).toMatchObject({ MemorySize: 2048, Environment: { Variables: { TIDELOG_NUM_PARTITIONS: '12' } } });
    expect(functions.filter(({ MemorySize }) => MemorySize === 2048)).toHaveLength(1);
  });

  it('works on tables and a bucket that are there already', () => {
    const app = quickApp();
    const state = new TidelogState(new Stack(app, 'Data'), 'State');
    const stack = new Stack(app, 'Shop');
    const log = new Tidelog(stack, 'Log', { state, functionsFolder: FUNCTIONS });
    expect(log.journalTable).toBe(state.journalTable);
    Template.fromStack(stack).resourceCountIs('AWS::DynamoDB::Table', 0);
    Template.fromStack(stack).resourceCountIs('AWS::S3::Bucket', 0);
  });

  it('lets tables and bucket go only where it is told to', () => {
    const template = Template.fromStack(shop({ removal: 'destroy' }).stack);
    template.allResources('AWS::DynamoDB::Table', { DeletionPolicy: 'Delete' });
    template.allResources('AWS::S3::Bucket', { DeletionPolicy: 'Delete' });
  });

  it('tells what `tidelog gateway --via` takes', () => {
    const http = shop({ frontDoor: 'http' }).log.frontDoor;
    expect(http.via).toBe(http.url);
    expect(http.urls).toBeUndefined();
    const url = shop({ frontDoor: 'url' }).log.frontDoor;
    expect(url.url).toBeUndefined();
    expect(url.via).toBe(
      `produce=${url.urls!.produce},fetch=${url.urls!.fetch},coordinate=${url.urls!.coordinate},admin=${url.urls!.admin}`,
    );
  });

  it.each<[TidelogProps, RegExp]>([
    [{ settings: { 'num.partition': '3' } }, /There is no setting num\.partition\. Did you mean num\.partitions\?/],
    [{ settings: { 'num.partitions': 'many' } }, /num\.partitions: "many" .* is wrong/],
    [{ settings: { 'tidelog.store': 'memory' } }, /^settings: tidelog\.store cannot be set; the stack does\.$/],
    [{ frontDoor: 'url', jwt: JWT }, /^jwt: only an HTTP API checks tokens, the front door url does not\.$/],
    [{ functionsFolder: '/nowhere' }, /^The function produce is not built: .* Run npm run build first\.$/],
  ])('refuses %j with a sentence', (props, message) => {
    expect(() => shop(props)).toThrow(StackError);
    expect(() => shop(props)).toThrow(message);
  });
});

describe('grants', () => {
  type Granting = 'grantProduce' | 'grantConsume' | 'grantAdmin';

  /** The actions that a role has got, and the functions that they are for. */
  function granted(method: Granting, props: TidelogProps, way?: CallWay): { actions: string[]; functions: string[] } {
    const { stack, log } = shop(props);
    const role = new Role(stack, 'Program', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    log[method](role as IGrantable, way).assertSuccess();
    const grants = grantsOf(Template.fromStack(stack)).filter(({ at }) => at.startsWith('ProgramDefaultPolicy'));
    const resources = grants.flatMap(({ resources }) => resources).map((resource) => JSON.stringify(resource));
    expect(resources.filter((resource) => resource.includes('*'))).toEqual([]);
    const name = /(?:POST\/kafka\/|Functions)(produce|fetch|coordinate|admin|maintain|seal)/i;
    return {
      actions: [...new Set(grants.flatMap(({ actions }) => actions))].sort(),
      functions: [...new Set(resources.map((resource) => name.exec(resource)![1]!.toLowerCase()))].sort(),
    };
  }

  it.each<[Granting, string[]]>([
    ['grantProduce', ['admin', 'coordinate', 'produce']],
    ['grantConsume', ['admin', 'coordinate', 'fetch']],
    ['grantAdmin', ['admin', 'coordinate', 'fetch', 'produce']],
  ])('%s is for the functions that a client of that kind calls', (method, functions) => {
    expect(granted(method, {})).toEqual({ actions: ['execute-api:Invoke'], functions });
    expect(granted(method, { frontDoor: 'rest' })).toEqual({ actions: ['execute-api:Invoke'], functions });
    expect(granted(method, { frontDoor: 'url' }).functions).toEqual(functions);
  });

  it('grantTail is for queries of the journal table, and for nothing else', () => {
    const { stack, log } = shop({});
    const role = new Role(stack, 'Tunnel', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    log.grantTail(role as IGrantable).assertSuccess();
    const grants = grantsOf(Template.fromStack(stack)).filter(({ at }) => at.startsWith('TunnelDefaultPolicy'));
    expect(grants.map(({ actions }) => actions)).toEqual([['dynamodb:Query']]);
    expect(JSON.stringify(grants[0]!.resources)).toContain('StateJournal');
    expect(JSON.stringify(grants[0]!.resources)).not.toContain('*');
  });

  it("grantTail includes the use of the tables' key, where that is a customer's", () => {
    const stack = new Stack(quickApp(), 'Shop');
    const state = new TidelogState(stack, 'Own', { tableKey: new Key(stack, 'Key') as IKey });
    const log = new Tidelog(stack, 'Log', { state, functionsFolder: FUNCTIONS });
    const role = new Role(stack, 'Tunnel', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    log.grantTail(role as IGrantable).assertSuccess();
    const grants = grantsOf(Template.fromStack(stack)).filter(({ at }) => at.startsWith('TunnelDefaultPolicy'));
    expect(grants.map(({ actions }) => actions)).toEqual([['dynamodb:Query'], ['kms:Decrypt', 'kms:DescribeKey']]);
  });

  it('are for the URL and not for the function where there are function URLs', () => {
    const { actions } = granted('grantProduce', { frontDoor: 'url' });
    expect(actions).toEqual(['lambda:InvokeFunction', 'lambda:InvokeFunctionUrl']);
  });

  it('let a role past the front door only where that is asked for', () => {
    expect(granted('grantProduce', {}, 'invoke')).toEqual({
      actions: ['lambda:InvokeFunction'],
      functions: ['admin', 'coordinate', 'produce'],
    });
  });

  /** The requests of REST that a role may make, and the actions. */
  function restGranted(method: 'grantRestProduce' | 'grantRestConsume', props: TidelogProps) {
    const { stack, log } = shop(props);
    const role = new Role(stack, 'Program', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    log[method](role as IGrantable).assertSuccess();
    const grants = grantsOf(Template.fromStack(stack)).filter(({ at }) => at.startsWith('ProgramDefaultPolicy'));
    const requests = grants
      .flatMap(({ resources }) => resources)
      .map((resource) => /\/(?:\$default|kafka)\/([A-Z*]+\/[^"]*)"/.exec(JSON.stringify(resource))?.[1]);
    return { actions: [...new Set(grants.flatMap(({ actions }) => actions))].sort(), requests };
  }

  it.each(['http', 'rest'] as const)('of REST are for paths of it, with the front door %s', (frontDoor) => {
    expect(restGranted('grantRestProduce', { frontDoor })).toEqual({
      actions: ['execute-api:Invoke'],
      requests: [
        'GET/v3/clusters',
        'POST/v3/clusters/*/topics/*/records',
        'POST/v3/clusters/*/topics/*/records:batch',
        'POST/topics/*',
      ],
    });
    expect(restGranted('grantRestConsume', { frontDoor })).toEqual({
      actions: ['execute-api:Invoke'],
      requests: ['GET/v3/*', 'GET/brokers', 'GET/topics', 'GET/topics/*', '*/consumers/*'],
    });
  });

  it('of REST allow what they are named after, by the routes that there are', () => {
    const allowed = (name: keyof typeof REST_REQUESTS, method: string, path: string) =>
      REST_REQUESTS[name].some((request) => {
        const [verb, pattern] = request.split(' ') as [string, string];
        const text = pattern.split('*').map((part) => part.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&'));
        return (verb === '*' || verb === method) && new RegExp(`^${text.join('.*')}$`).test(path);
      });
    const routes = allRoutes.map(({ method, path, tag }) => ({ method, path: path.replaceAll(/\{\w+\}/g, 'x'), tag }));
    const by = (name: keyof typeof REST_REQUESTS) =>
      routes.filter(({ method, path }) => allowed(name, method, path)).map(({ method, path }) => `${method} ${path}`);
    expect(by('produce').sort()).toEqual([
      'GET /v3/clusters',
      'POST /topics/x',
      'POST /topics/x/partitions/x',
      'POST /v3/clusters/x/topics/x/records',
      'POST /v3/clusters/x/topics/x/records:batch',
    ]);
    // All that belongs to consumers, and of the rest nothing that changes anything.
    const consumers = routes.filter(({ path }) => path.startsWith('/consumers/'));
    expect(consumers.length).toBeGreaterThan(10);
    expect(by('consume')).toEqual(expect.arrayContaining(consumers.map(({ method, path }) => `${method} ${path}`)));
    expect(by('consume').filter((request) => !/^GET |^[A-Z]+ \/consumers\//.test(request))).toEqual([]);
  });

  it('of REST are for the whole function where there are function URLs', () => {
    const { actions } = restGranted('grantRestProduce', { frontDoor: 'url' });
    expect(actions).toEqual(['lambda:InvokeFunction', 'lambda:InvokeFunctionUrl']);
  });

  it('of REST are refused where callers send tokens', () => {
    expect(() => restGranted('grantRestConsume', { jwt: JWT })).toThrow(StackError);
  });
});

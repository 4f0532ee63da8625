import { isKeyChoice } from './keys.ts';
import { FUNCTION_NAMES, type FunctionName, type KeyChoice } from './stages.ts';

/** The value of one `-c name=value`, or a sentence that says what is allowed. */
export type Parsed<Value> = { readonly value: Value } | { readonly problem: string };

const IPV4_RANGE = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;
const ID = '[0-9a-f]{8,17}';
const CLIENT_ID = new RegExp(`^(sg|pl)-${ID}$`);
const VPC_ID = new RegExp(`^vpc-${ID}$`);
const SUBNET_ID = new RegExp(`^subnet-${ID}$`);

/** More than any Region gives to an account without a request. */
const TASKS_MAX = 100;

/** `owned`, `aws`, or the ARN of a key in AWS KMS. */
export function keyChoice(name: string, text: string): Parsed<KeyChoice> {
  if (isKeyChoice(text)) return { value: text };
  return {
    problem: `-c ${name}=${text} is unknown; choose owned, aws, or the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID).`,
  };
}

/** `produce:50,fetch:100`: instances for each function. */
export function reservedConcurrency(text: string): Parsed<Partial<Record<FunctionName, number>>> {
  const value: Partial<Record<FunctionName, number>> = {};
  for (const part of text.split(',')) {
    const [, name, count] = /^([a-z]+):(\d{1,5})$/.exec(part) ?? [];
    if (!FUNCTION_NAMES.includes(name as FunctionName) || name! in value) {
      return {
        problem: `-c reservedConcurrency=${text} is wrong; it is FUNCTION:INSTANCES,... of ${FUNCTION_NAMES.join(', ')}.`,
      };
    }
    value[name as FunctionName] = Number(count);
  }
  return { value };
}

/** `3`, or `2-6`: tasks, at least and at most. */
export function taskCounts(text: string): Parsed<{ tasks: number; tasksMax?: number }> {
  const [, min, max] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(text) ?? [];
  const tasks = Number(min);
  const tasksMax = Number(max ?? min);
  if (!(tasks >= 1 && tasksMax >= tasks && tasksMax <= TASKS_MAX)) {
    return { problem: `-c tasks=${text} is wrong; it is MIN or MIN-MAX, from 1 to ${TASKS_MAX}.` };
  }
  return { value: { tasks, ...(max === undefined ? {} : { tasksMax }) } };
}

export function vpcId(text: string): Parsed<string> {
  return VPC_ID.test(text) ? { value: text } : { problem: `-c vpc=${text} is no id of a VPC (vpc-...).` };
}

export function subnetIds(text: string): Parsed<string[]> {
  const value = text.split(',');
  return value.every((id) => SUBNET_ID.test(id))
    ? { value }
    : { problem: `-c subnets=${text} is no list of subnets (subnet-...,subnet-...).` };
}

/** IPv4 ranges, security groups and prefix lists. */
export function clientList(text: string): Parsed<string[]> {
  const value = text.split(',');
  const wrong = value.filter((client) => !CLIENT_ID.test(client) && !isRange(client));
  if (wrong.length > 0) {
    return {
      problem: `-c clients= takes IPv4 ranges, security groups (sg-...) and prefix lists (pl-...), not ${wrong.join(', ')}.`,
    };
  }
  if (value.some((client) => client.endsWith('/0'))) {
    return { problem: `-c clients=${text} would let everybody in, and the listeners have no logins yet; name ranges.` };
  }
  return { value };
}

function isRange(text: string): boolean {
  const numbers = IPV4_RANGE.exec(text)?.slice(1).map(Number);
  return numbers !== undefined && numbers.pop()! <= 32 && numbers.every((octet) => octet <= 255);
}

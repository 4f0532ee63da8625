import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * The metadata in which cdk-nag 3 looks for acknowledgements, with the reason as a value.
 * `Validations.of(construct).acknowledge()` writes the same, but older versions of the CDK lack it
 * or refuse ids with `::` in a finding.
 */
const ACKNOWLEDGED_RULES = 'aws:cdk:acknowledged-rules';

/** Acknowledges findings of cdk-nag for a construct and its children: rule -> reason. */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  for (const [rule, reason] of Object.entries(reasons)) {
    construct.node.addMetadata(ACKNOWLEDGED_RULES, { [rule]: reason });
  }
}

/** The finding of cdk-nag's rule IAM5 for a resource with a wildcard in its ARN. */
export function wildcardResource(scope: IConstruct, arn: string): string {
  return `AwsSolutions-IAM5[Resource::${flattened(Stack.of(scope).resolve(arn))}]`;
}

/** An ARN of intrinsic functions, in the format of cdk-nag's findings. */
function flattened(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, argument]] = Object.entries(value as Record<string, unknown>) as [[string, unknown]];
  switch (name) {
    case 'Fn::Join': {
      const [delimiter, parts] = argument as [string, unknown[]];
      return parts.map(flattened).join(delimiter);
    }
    case 'Fn::GetAtt':
      return `<${(argument as string[]).join('.')}>`;
    case 'Fn::ImportValue':
      return flattened(argument);
    case 'Ref':
      return `<${argument}>`;
    default:
      return JSON.stringify(value);
  }
}

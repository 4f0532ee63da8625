import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { IgnoreMode } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { packageRoot } from './package-files.ts';
import { StackError } from './stack-error.ts';

const DOCKERFILE = 'dist/lib/stacks/gateway-image/Dockerfile';

/** Only the files that the container runs: any other file would change the image's hash. */
const CONTEXT = [
  '*',
  '!package.json',
  '!package-lock.json',
  '!dist',
  'dist/*',
  '!dist/lib',
  '!dist/chunks',
  '**/*.d.ts',
];

/**
 * The gateway's image. Docker builds it when the stack is deployed, not when it is synthesized.
 * Throws StackError if the project is not built.
 */
export function gatewayImage(root: string = packageRoot()): ContainerImage {
  if (!existsSync(join(root, DOCKERFILE))) {
    throw new StackError(`The gateway is not built: there is no ${join(root, DOCKERFILE)}. Run npm run build first.`);
  }
  return ContainerImage.fromAsset(root, {
    file: DOCKERFILE,
    exclude: CONTEXT,
    ignoreMode: IgnoreMode.DOCKER,
    platform: Platform.LINUX_ARM64,
  });
}

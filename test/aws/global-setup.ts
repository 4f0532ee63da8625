import type { TestProject } from 'vitest/node';
import { isMinistackAt } from '../../localstack/health.ts';
import { type Deployed, deployTo, type Endpoint, startEndpoint, stopEndpoint } from '../../localstack/index.ts';
import { findPython } from '../../localstack/python.ts';
import { have } from '../support/tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Undefined where nothing can be started. */
    readonly endpoint: Endpoint | undefined;
    readonly deployed: Deployed | undefined;
    readonly isMinistack: boolean;
  }
}

/** Brings up one endpoint with a deployed Tidelog for all files of test/aws: AWS_ENDPOINT_URL's, else MiniStack. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.AWS_ENDPOINT_URL !== undefined;
  if (
    !given &&
    !have('Python 3.10', (await findPython()) !== undefined, 'Install it to run the tests with MiniStack.')
  ) {
    project.provide('endpoint', undefined);
    project.provide('deployed', undefined);
    project.provide('isMinistack', false);
    return async () => {};
  }
  const endpoint = await startEndpoint(given ? {} : { use: 'ministack' });
  try {
    project.provide('endpoint', endpoint);
    project.provide('isMinistack', await isMinistackAt(endpoint.url));
    project.provide('deployed', await deployTo(endpoint));
  } catch (error) {
    await stopEndpoint(endpoint);
    throw error;
  }
  return () => stopEndpoint(endpoint);
}

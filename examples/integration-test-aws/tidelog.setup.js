import { deployTo, openGateway, startEndpoint, stopEndpoint } from 'tidelog/localstack';

/** Once for all test files: an endpoint, Tidelog's functions on it, and a local address for Kafka clients. */
export default async function setUp({ provide }) {
  const endpoint = await startEndpoint();
  const gateway = await openGateway(await deployTo(endpoint));
  provide('bootstrapServers', gateway.bootstrapServers);
  return async () => {
    await gateway.close();
    await stopEndpoint(endpoint);
  };
}

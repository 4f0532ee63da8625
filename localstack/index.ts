/**
 * `tidelog/localstack`: an AWS-compatible endpoint with Tidelog on it, for the set-up of a test
 * runner.
 */
export { type Deployed, type DeployOptions, deployTo } from './deploy.ts';
export { type Endpoint, type EndpointOptions, startEndpoint, stopEndpoint } from './endpoint.ts';
export { EndpointError } from './endpoint-error.ts';
export { type GatewayOptions, type LocalGateway, openGateway } from './gateway.ts';

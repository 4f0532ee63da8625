import type { GatewayStats } from '../../lib/doors/tcp/server.ts';

/** What a gateway without clients tells the metrics. */
export const IDLE_GATEWAY: GatewayStats = {
  connections: 0,
  refusedConnections: 0,
  requests: 0,
  requestsInFlight: 0,
  requestBytes: 0,
  answerBytes: 0,
};

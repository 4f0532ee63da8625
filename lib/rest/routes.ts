import { documentRoutes } from './document-routes.ts';
import { health } from './health.ts';
import type { AnyRoute } from './route.ts';
import { tailRoute } from './ui/routes.ts';
import { v2ConsumerStateRoutes } from './v2/consumer-state.ts';
import { v2ConsumerRoutes } from './v2/consumers.ts';
import { v2ProduceRoutes } from './v2/produce.ts';
import { v2TopicRoutes } from './v2/topics.ts';
import { streamRecords } from './v3/records-stream.ts';
import { v3Routes } from './v3/routes.ts';

const served: readonly AnyRoute[] = [
  health,
  ...v3Routes,
  streamRecords,
  tailRoute,
  ...v2TopicRoutes,
  ...v2ProduceRoutes,
  ...v2ConsumerRoutes,
  ...v2ConsumerStateRoutes,
];

/** All routes. */
export const allRoutes: readonly AnyRoute[] = [...documentRoutes(served), ...served];

import { health } from './health.ts';
import type { AnyRoute } from './route.ts';
import { v3Routes } from './v3/routes.ts';

/** All routes. */
export const allRoutes: readonly AnyRoute[] = [health, ...v3Routes];

import { adminApis } from './admin.ts';
import { coordinateApis } from './coordinate.ts';
import { fetchApis } from './fetch.ts';
import { produceApis } from './produce.ts';

/** Every API that is served, for a process that serves all of them. */
export const allApis = { ...produceApis, ...fetchApis, ...coordinateApis, ...adminApis };
